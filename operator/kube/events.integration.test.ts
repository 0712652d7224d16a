import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import { VirtualClock } from '../../test/kube/virtual-clock.ts';
import { KubeClient } from './client.ts';
import type { EventNote } from './event-object.ts';
import { EventRecorder } from './events.ts';
import { configMaps, events } from './resource.ts';
import type { KubeObject } from './resource.ts';

interface KubeEvent extends KubeObject {
  reason: string;
  note: string;
  series?: { count: number };
}

let controlPlane: ControlPlaneAccess;
let namespace: string;
let proxy: FaultProxy;
let kube: KubeClient;
let clock: VirtualClock;
let stop: AbortController;
let ended: Promise<void>;
let regarding: KubeObject;
let dropped: string[];

beforeAll(() => {
  controlPlane = sharedControlPlane();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace({ prefix: 'events' });
  proxy = await startFaultProxy(controlPlane);
  kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test' });
  clock = new VirtualClock(Date.UTC(2026, 10, 23, 12, 0, 0, 250));
  stop = new AbortController();
  dropped = [];
  regarding = await kube.create(configMaps, { metadata: { namespace, name: 'budget' } });
});
afterEach(async () => {
  stop.abort();
  await ended;
  await kube.close();
  await proxy.stop();
  await controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
});

function start(options: { maxRemembered?: number } = {}): EventRecorder {
  const recorder = new EventRecorder({
    kube,
    controller: 'sapai.eerly.ai/operator',
    instance: 'operator-0',
    clock,
    onDropped: ({ reason }) => dropped.push(reason),
    ...options,
  });
  ended = recorder.run(stop.signal);
  return recorder;
}

function exhausted(note = 'All 2500 CU of 2026-11 are spent.'): EventNote {
  return { regarding, type: 'Warning', reason: 'BudgetExhausted', action: 'Refuse', note };
}

async function listed(): Promise<KubeEvent[]> {
  const { items } = await kube.list<KubeEvent>(events, { namespace });
  return items.filter(({ metadata }) => metadata.name.startsWith('budget.'));
}
function until(what: string, holds: (found: KubeEvent[]) => boolean): Promise<KubeEvent[]> {
  const probe = async (): Promise<KubeEvent[] | undefined> => {
    const found = await listed();
    return holds(found) ? found : undefined;
  };
  return eventually(probe, { what, timeoutMs: 30_000, intervalMs: 10 });
}
function count(found: KubeEvent[]): number | undefined {
  return found[0]?.series?.count;
}

test('an event says what happened to which object, when, and who saw it', async () => {
  start().record(exhausted());
  const [event] = await until('the event', (found) => found.length === 1);
  const { uid, resourceVersion } = regarding.metadata;
  expect(event).toMatchObject({
    type: 'Warning',
    reason: 'BudgetExhausted',
    action: 'Refuse',
    note: 'All 2500 CU of 2026-11 are spent.',
    eventTime: '2026-11-23T12:00:00.250000Z',
    reportingController: 'sapai.eerly.ai/operator',
    reportingInstance: 'operator-0',
    regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'budget', uid, resourceVersion },
  });
  expect(event).not.toHaveProperty('series');
});

test('a repeated happening is one event with a growing series, written once a minute', async () => {
  const recorder = start();
  recorder.record(exhausted());
  await until('the event', (found) => found.length === 1);
  for (let second = 0; second < 10; second += 1) {
    clock.advance(1_000);
    recorder.record(exhausted(`after ${second} s`));
  }
  expect(await listed()).not.toHaveProperty('0.series');
  // The recorder waits again before its timer can fire.
  await until('the series', (found) => {
    clock.advance(10_000);
    return count(found) === 11;
  });
  expect(proxy.requests.filter((line) => line.startsWith('POST /apis/events.k8s.io'))).toHaveLength(1);
  expect(proxy.requests.filter((line) => line.startsWith('PATCH'))).toHaveLength(1);
});

test('what happens again after six minutes is a new event', async () => {
  const recorder = start();
  recorder.record(exhausted('first'));
  await until('the event', (found) => found.length === 1);
  clock.advance(6 * 60_000);
  expect(recorder.record(exhausted('second'))).toBe(true);
  expect(recorder.record(exhausted('third'))).toBe(false);
  const found = await until('the second', (both) => both.length === 2);
  expect(found.map(({ note }) => note).toSorted()).toEqual(['first', 'second']);
});

test('another reason, action or object is another event', async () => {
  const recorder = start();
  const other = await kube.create(configMaps, { metadata: { namespace, name: 'budget.other' } });
  const notes = [{}, { reason: 'Overcommitted' }, { action: 'Recall' }, { type: 'Normal' as const }];
  for (const change of notes) recorder.record({ ...exhausted(), ...change });
  recorder.record({ ...exhausted(), regarding: other });
  expect(await until('all of them', (found) => found.length === 5)).toHaveLength(5);
});

test('an event that was removed meanwhile begins anew', async () => {
  const recorder = start();
  recorder.record(exhausted());
  const [event] = await until('the event', (found) => found.length === 1);
  await kube.delete(events, { namespace, name: event?.metadata.name ?? '' });
  recorder.record(exhausted());
  const again = await until('the event again', (found) => {
    clock.advance(10_000);
    return found.length === 1;
  });
  expect(count(again)).toBe(2);
});

test('a write that fails is tried again, and one whose answer was lost is not doubled', async () => {
  const recorder = start();
  proxy.inject({ on: 'POST', answer: { status: 500, body: { code: 500, message: 'etcd is away' } } });
  proxy.inject({ on: 'POST', loseAnswer: true });
  recorder.record(exhausted());
  const posts = (): number => proxy.requests.filter((line) => line.startsWith('POST')).length;
  await until('three attempts', () => {
    clock.advance(1_000);
    return posts() === 4;
  });
  expect([(await listed()).length, dropped]).toEqual([1, []]);
});

test('what the server refuses is dropped and told, and the next event is written', async () => {
  const recorder = start();
  recorder.record({ ...exhausted(), reason: 'Refused', action: 'x'.repeat(200) });
  recorder.record(exhausted());
  await until('the good one', (found) => found.length === 1);
  expect(dropped).toEqual(['Refused']);
});

test('more different happenings than there is room for are dropped, the oldest first', () => {
  const recorder = start({ maxRemembered: 3 });
  for (let index = 0; index < 5; index += 1) recorder.record({ ...exhausted(), reason: `Reason${index}` });
  expect(dropped).toEqual(['Reason0', 'Reason1']);
});

test('what is not written at the stop is written then', async () => {
  const recorder = start();
  recorder.record(exhausted());
  await until('the event', (found) => found.length === 1);
  recorder.record(exhausted());
  recorder.record(exhausted());
  stop.abort();
  await ended;
  expect(count(await listed())).toBe(3);
  expect(clock.pending).toBe(0);
});

test('a stop that comes while an event is being written ends the recorder too', async () => {
  proxy.inject({ on: 'POST', hang: true });
  const recorder = start();
  recorder.record(exhausted());
  const posts = (): number => proxy.requests.filter((line) => line.startsWith('POST')).length;
  // The first POST made the object that all is about.
  await until('the write', () => posts() === 2);
  stop.abort();
  proxy.cutConnections();
  await ended;
  expect(clock.pending).toBe(0);
});

test('kubectl shows the events of the object', async () => {
  start().record(exhausted());
  await until('the event', (found) => found.length === 1);
  const { stdout } = await controlPlane.kubectlRun(['describe', 'configmap', 'budget', '-n', namespace]);
  expect(stdout).toMatch(
    /Warning\s+BudgetExhausted\s+.*sapai.eerly.ai\/operator\s+All 2500 CU of 2026-11 are spent\./,
  );
});
