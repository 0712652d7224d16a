import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import { KubeClient } from './client.ts';
import { Informer } from './informer.ts';
import type { InformerOptions, InformerReport } from './informer.ts';
import { isKubeError } from './kube-error.ts';
import { configMaps } from './resource.ts';
import type { KubeObject } from './resource.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

let controlPlane: ControlPlaneAccess;
let namespace: string;
let proxy: FaultProxy;
let kube: KubeClient;
/** Leads past the proxy, so that faults meet the informer alone. */
let direct: FaultProxy;
let writer: KubeClient;
let stop: AbortController;
let reports: InformerReport[];
let seen: string[];
let ended: Promise<void>;

beforeAll(() => {
  controlPlane = sharedControlPlane();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace({ prefix: 'informer' });
  proxy = await startFaultProxy(controlPlane);
  direct = await startFaultProxy(controlPlane);
  // A pooled connection that is half open costs one request its whole time.
  kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test', requestTimeoutMs: 2_000 });
  writer = new KubeClient(direct.kubeConfig(), { fieldManager: 'test' });
  stop = new AbortController();
  reports = [];
  seen = [];
  ended = Promise.resolve();
});
afterEach(async () => {
  stop.abort(new Error('the test is over'));
  await ended;
  await Promise.all([kube.close(), writer.close()]);
  await Promise.all([proxy.stop(), direct.stop()]);
  await controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
});

function start(options: Partial<InformerOptions<ConfigMap>> = {}): Informer<ConfigMap> {
  const informer = new Informer<ConfigMap>({
    kube,
    resource: configMaps,
    namespace,
    labelSelector: 'test=informer',
    backOff: { baseMs: 10, maxMs: 50 },
    onReport: (report) => reports.push(report),
    ...options,
  });
  informer.onChange(({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
  ended = informer.run(stop.signal);
  return informer;
}

async function put(name: string, value: string): Promise<void> {
  const metadata = { namespace, name, labels: { test: 'informer' } };
  await writer.apply(configMaps, { metadata, data: { value } });
}
async function remove(name: string): Promise<void> {
  await writer.delete(configMaps, { namespace, name });
}
async function until(what: string, holds: () => boolean): Promise<void> {
  await eventually(async () => (holds() ? true : undefined), { what, timeoutMs: 30_000, intervalMs: 5 });
}
function reported(type: InformerReport['type']): number {
  return reports.filter((report) => report.type === type).length;
}
function valueOf(informer: Informer<ConfigMap>, name: string): string | undefined {
  return informer.get(`${namespace}/${name}`)?.data?.['value'];
}

test('what exists is there once synced, and what comes, changes and goes follows', async () => {
  await put('old', '1');
  const informer = start();
  await informer.synced;
  expect([informer.list().length, valueOf(informer, 'old')]).toEqual([1, '1']);
  await put('new', '1');
  await put('new', '2');
  await remove('old');
  await until('the deletion', () => informer.get(`${namespace}/old`) === undefined);
  expect(valueOf(informer, 'new')).toBe('2');
  expect(seen).toEqual(['added old', 'added new', 'updated new', 'deleted old']);
  expect([reported('listed'), reported('failed')]).toEqual([1, 0]);
});

test('objects from the list and from the watch have the same shape, without managed fields', async () => {
  await put('listed', '1');
  const informer = start();
  await informer.synced;
  await put('watched', '1');
  await until('the object', () => valueOf(informer, 'watched') === '1');
  const shapes = informer.list().map((object) => ({
    ...object,
    metadata: Object.keys(JSON.parse(JSON.stringify(object.metadata))).toSorted(),
  }));
  const { namespace: _, ...shape } = {
    namespace,
    apiVersion: 'v1',
    kind: 'ConfigMap',
    data: { value: '1' },
    metadata: ['creationTimestamp', 'labels', 'name', 'namespace', 'resourceVersion', 'uid'],
  };
  expect(shapes).toEqual([shape, shape]);
});

test('indexes follow every change', async () => {
  const informer = start({ indexes: { value: ({ data }) => (data?.['value'] ?? '').split(',') } });
  await informer.synced;
  await put('a', 'x,y');
  await put('b', 'y');
  await until('both', () => informer.list().length === 2);
  const found = (value: string): string[] =>
    informer.byIndex('value', value).map(({ metadata }) => metadata.name);
  expect([found('x'), found('y'), found('z')]).toEqual([['a'], ['a', 'b'], []]);
  await put('a', 'z');
  await remove('b');
  await until('the changes', () => informer.list().length === 1 && valueOf(informer, 'a') === 'z');
  expect([found('x'), found('y'), found('z')]).toEqual([[], [], ['a']]);
  expect(() => informer.byIndex('other', 'x')).toThrow(TypeError);
});

test('a cut watch goes on where it was: nothing is missed and nothing is listed again', async () => {
  const informer = start();
  await informer.synced;
  for (let round = 1; round <= 5; round += 1) {
    await put('a', String(round));
    await until(`value ${round}`, () => valueOf(informer, 'a') === String(round));
    proxy.inject({ on: 'watch=true', answer: { status: 503, body: 'away' } });
    proxy.cutWatches();
    await put(`cut-${round}`, '1');
    await until('the object', () => valueOf(informer, `cut-${round}`) === '1');
  }
  expect(reported('listed')).toBe(1);
  expect(reported('failed')).toBeGreaterThanOrEqual(10);
  expect(new Set(seen).size).toBe(seen.filter((line) => line !== 'updated a').length + 1);
});

test('after 410 the list is read again, and deletions and rebirths that nobody saw are told', async () => {
  await put('stays', '1');
  await put('goes', '1');
  await put('reborn', '1');
  const informer = start();
  await informer.synced;
  await until('the watch', () => proxy.watches === 1);
  seen.length = 0;
  // Away until everything has happened, then told that the revision is gone.
  const gone = {
    type: 'ERROR',
    object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' },
  };
  proxy.inject({ on: 'watch=true', hang: true });
  proxy.cutWatches();
  await until(
    'the watch to come back',
    () => proxy.requests.filter((line) => line.includes('watch=')).length === 2,
  );
  await remove('goes');
  await remove('reborn');
  await put('reborn', '1');
  await put('comes', '1');
  proxy.inject({ on: 'watch=true', answer: { status: 200, body: gone } });
  proxy.cutConnections();
  await until('the new list', () => reported('listed') === 2);
  expect(seen.toSorted()).toEqual(['added comes', 'added reborn', 'deleted goes', 'deleted reborn']);
  expect(seen.indexOf('deleted reborn')).toBeLessThan(seen.indexOf('added reborn'));
});

test('a new list brings what a watch that is stuck keeps back', async () => {
  await put('a', '1');
  const informer = start();
  await informer.synced;
  await until('the watch', () => proxy.watches > 0);
  proxy.freeze();
  await put('a', '2');
  await informer.relist();
  expect(informer.get(`${namespace}/a`)?.data).toEqual({ value: '2' });
});

test('a bookmark moves the place at which a cut watch goes on', async () => {
  const bookmark = { type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: {} } };
  await put('a', '1');
  const { resourceVersion } = await writer.list(configMaps, { namespace });
  const body = JSON.stringify({ ...bookmark, object: { ...bookmark.object, metadata: { resourceVersion } } });
  proxy.inject({ on: 'watch=true', answer: { status: 200, body: `${body}\n` } });
  const informer = start();
  await informer.synced;
  await until('the second watch', () => proxy.watches === 1);
  const last = proxy.requests.findLast((line) => line.includes('watch=true')) ?? '';
  expect(new URLSearchParams(last.split('?')[1]).get('resourceVersion')).toBe(resourceVersion);
  expect(new URLSearchParams(last.split('?')[1]).get('allowWatchBookmarks')).toBe('true');
});

test('a half-open connection is noticed by its silence, and what it swallowed arrives', async () => {
  const informer = start({ idleTimeoutMs: 500 });
  await informer.synced;
  await until('the watch', () => proxy.watches >= 1);
  proxy.freeze();
  await put('swallowed', '1');
  await until('the object', () => valueOf(informer, 'swallowed') === '1');
  expect(reports.some((report) => report.type === 'failed' && isKubeError(report.error, 'TimedOut'))).toBe(
    true,
  );
});

test('a list that fails is tried until it works, and a server that asks for time gets it', async () => {
  const slow = { status: 500, body: { kind: 'Status', code: 500, message: 'etcd is away' } };
  proxy.inject({ on: 'limit=', answer: slow, times: 3 });
  await put('a', '1');
  const informer = start();
  await informer.synced;
  expect([informer.list().length, reported('failed')]).toEqual([1, 3]);
  const busy = {
    status: 429,
    headers: { 'retry-after': '1' },
    body: { code: 429, reason: 'TooManyRequests' },
  };
  proxy.inject({ on: 'watch=true', answer: busy });
  proxy.cutWatches();
  await until('the wait', () => reports.some((one) => one.type === 'failed' && one.retryAfterMs >= 1_000));
  await put('b', '1');
  await until('the object', () => valueOf(informer, 'b') === '1');
});

test('a server that closes every watch at once is not asked in a storm', async () => {
  proxy.inject({ on: 'watch=true', answer: { status: 200, body: '' }, times: 8 });
  const informer = start();
  await informer.synced;
  await until('a good watch', () => proxy.watches === 1);
  const delays = reports.flatMap((report) => (report.type === 'failed' ? [report.retryAfterMs] : []));
  expect(delays).toHaveLength(8);
  // Half of it is jitter: 10, 20, 40, then the longest.
  delays.forEach((delay, index) => {
    const full = Math.min(50, 10 * 2 ** index);
    expect(delay).toBeGreaterThanOrEqual(full / 2);
    expect(delay).toBeLessThanOrEqual(full);
  });
});

test('a handler that throws stops neither the others nor the informer', async () => {
  const informer = start();
  informer.onChange(() => {
    throw new Error('bad handler');
  });
  const later: string[] = [];
  informer.onChange(({ object }) => later.push(object.metadata.name));
  await informer.synced;
  await put('a', '1');
  await put('b', '1');
  await until('both', () => later.length === 2);
  expect([later, reported('handler_failed'), informer.list().length]).toEqual([['a', 'b'], 2, 2]);
});

test('a handler that comes late is told what is there, and one that left nothing more', async () => {
  await put('a', '1');
  const informer = start();
  await informer.synced;
  const late: string[] = [];
  const leave = informer.onChange(({ type, object }) => late.push(`${type} ${object.metadata.name}`));
  leave();
  await put('b', '1');
  await until('the object', () => valueOf(informer, 'b') === '1');
  expect(late).toEqual(['added a']);
});

test('the signal ends it for good, also during a back-off', async () => {
  proxy.inject({ on: 'limit=', answer: { status: 500, body: {} }, times: 1_000 });
  const informer = start({ backOff: { baseMs: 60_000, maxMs: 60_000 } });
  await until('the failure', () => reported('failed') === 1);
  const reason = new Error('shutting down');
  stop.abort(reason);
  await ended;
  await expect(informer.synced).rejects.toBe(reason);
  expect(proxy.requests).toHaveLength(1);
});

test('the signal closes the open watch', async () => {
  const informer = start();
  await informer.synced;
  await until('the watch', () => proxy.watches === 1);
  stop.abort();
  await ended;
  await until('its end', () => proxy.watches === 0);
  expect(reported('failed')).toBe(0);
});

test('with faults all the time every object is seen in its last state', async () => {
  const informer = start({ idleTimeoutMs: 1_000 });
  await informer.synced;
  const want: Record<string, string> = {};
  for (let round = 0; round < 60; round += 1) {
    const name = `o-${round % 17}`;
    if (round % 5 === 4) await remove(name);
    else await put(name, String(round));
    if (round % 5 === 4) delete want[name];
    else want[name] = String(round);
    if (round % 7 === 0) proxy.cutWatches();
    if (round % 11 === 0) proxy.inject({ on: 'watch=true', answer: { status: 500, body: 'x' } });
    if (round === 20) proxy.freeze();
    if (round % 13 === 0) {
      const gone = { type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old' } };
      proxy.inject({ on: 'watch=true', answer: { status: 200, body: gone } });
    }
  }
  const have = (): Record<string, string | undefined> =>
    Object.fromEntries(informer.list().map(({ metadata, data }) => [metadata.name, data?.['value']]));
  const same = (): boolean => JSON.stringify(sorted(have())) === JSON.stringify(sorted(want));
  await until('the last state', same);
  expect(have()).toEqual(want);
});

function sorted(record: Record<string, string | undefined>): [string, string | undefined][] {
  return Object.entries(record).toSorted(([a], [b]) => a.localeCompare(b));
}
