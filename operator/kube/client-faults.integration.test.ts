import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import { caught } from '../../test/kube/caught.ts';
import { KubeClient } from './client.ts';
import { configMaps, namespaces, secrets } from './resource.ts';

let controlPlane: ControlPlaneAccess;
let namespace: string;
let proxy: FaultProxy;
let kube: KubeClient;
let waits: number[];

beforeAll(async () => {
  controlPlane = sharedControlPlane();
  namespace = await controlPlane.createNamespace({ prefix: 'client' });
});
beforeEach(async () => {
  proxy = await startFaultProxy(controlPlane);
  waits = [];
  kube = newClient();
});
afterEach(async () => {
  await kube.close();
  await proxy.stop();
});
afterAll(async () => {
  await controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
});

function newClient(options: { requestTimeoutMs?: number; maxBodyBytes?: number } = {}): KubeClient {
  return new KubeClient(proxy.kubeConfig(), { fieldManager: 'test', wait: noteWait, ...options });
}

function noteWait(ms: number): Promise<void> {
  waits.push(ms);
  return Promise.resolve();
}

const tooMany = {
  status: 429,
  headers: { 'retry-after': '2' },
  body: { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'slow down' },
};

test('a list whose revision is compacted between two pages starts over once', async () => {
  const labels = { list: 'compacted' };
  for (const name of ['c-1', 'c-2']) await kube.create(configMaps, { metadata: { namespace, name, labels } });
  const expired = { status: 410, body: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } };
  proxy.inject({ on: 'continue=', answer: expired });
  const { items } = await kube.list(configMaps, { namespace, labelSelector: 'list=compacted', pageSize: 1 });
  expect(items).toHaveLength(2);
  proxy.inject({ on: 'continue=', answer: expired, times: 2 });
  const again = kube.list(configMaps, { namespace, labelSelector: 'list=compacted', pageSize: 1 });
  expect((await caught(again)).reason).toBe('Expired');
});

test('a read that the server puts off is repeated after the time it names', async () => {
  proxy.inject({ on: 'GET', answer: tooMany, times: 2 });
  const found = await kube.get(namespaces, { name: namespace });
  expect(found?.metadata.name).toBe(namespace);
  expect(waits).toEqual([2_000, 2_000]);
});

test('a read is put off no more than a few times, and not for longer than its bound', async () => {
  proxy.inject({ on: 'GET', answer: tooMany, times: 100 });
  const error = await caught(kube.get(namespaces, { name: namespace }));
  expect([error.code, error.reason, error.retryAfterMs]).toEqual([429, 'TooManyRequests', 2_000]);
  expect(proxy.requests).toHaveLength(4);
});

test('a long Retry-After is left to the caller', async () => {
  proxy.inject({ on: 'GET', answer: { ...tooMany, headers: { 'retry-after': '3600' } } });
  const error = await caught(kube.get(namespaces, { name: namespace }));
  expect(error.retryAfterMs).toBe(3_600_000);
  expect(waits).toEqual([]);
});

test('a write is never repeated, however it fails', async () => {
  const write = (name: string) => caught(kube.create(configMaps, { metadata: { namespace, name } }));
  proxy.inject({ on: 'POST', answer: tooMany });
  const refused = await write('refused');
  proxy.inject({ on: 'POST', loseAnswer: true });
  const lost = await write('lost');
  expect([refused.reason, refused.outcomeUnknown]).toEqual(['TooManyRequests', false]);
  expect([lost.reason, lost.outcomeUnknown]).toEqual(['Unreachable', true]);
  expect(proxy.requests).toHaveLength(2);
  // The answer was lost, not the write: that is what `outcomeUnknown` warns of.
  expect(await kube.get(configMaps, { namespace, name: 'lost' })).toBeDefined();
});

test('a read whose pooled connection broke is sent once more', async () => {
  proxy.inject({ on: 'GET', loseAnswer: true });
  expect(await kube.get(namespaces, { name: namespace })).toBeDefined();
  expect(proxy.requests).toHaveLength(2);
});

test('a server that never answers ends in TimedOut', async () => {
  await kube.close();
  kube = newClient({ requestTimeoutMs: 200 });
  proxy.inject({ on: 'GET', hang: true });
  expect((await caught(kube.get(namespaces, { name: namespace }))).reason).toBe('TimedOut');
});

test('the caller can leave a call at any time and gets the reason that it gave', async () => {
  proxy.inject({ on: 'GET', hang: true });
  const stop = new AbortController();
  const left = kube.get(namespaces, { name: namespace, signal: stop.signal });
  await eventually(async () => proxy.requests[0], { what: 'the request to arrive', timeoutMs: 10_000 });
  const reason = new Error('shutting down');
  stop.abort(reason);
  await expect(left).rejects.toBe(reason);
  await expect(kube.get(namespaces, { name: namespace, signal: stop.signal })).rejects.toBe(reason);
});

test('an answer beyond the size limit, or that is not JSON, is an InvalidAnswer', async () => {
  await kube.close();
  kube = newClient({ maxBodyBytes: 1_000 });
  const body = 'x'.repeat(2_000);
  proxy.inject({ on: 'GET', answer: { status: 200, body } });
  const large = await caught(kube.get(namespaces, { name: namespace }));
  proxy.inject({ on: 'GET', answer: { status: 200, body: '<html>secret</html>' } });
  const html = await caught(kube.get(namespaces, { name: namespace }));
  expect([large.reason, html.reason]).toEqual(['InvalidAnswer', 'InvalidAnswer']);
  expect(String(html)).not.toContain('secret');
});

test('an answer that is no Status still becomes an error with its code', async () => {
  proxy.inject({ on: 'POST', answer: { status: 502, body: 'bad gateway' } });
  const error = await caught(kube.create(configMaps, { metadata: { namespace, name: 'x' } }));
  expect([error.code, error.reason, error.outcomeUnknown]).toEqual([502, 'Unknown', true]);
});

test('errors name the call and what the server said, but no token and no bytes of a body', async () => {
  const invalid = await caught(kube.create(configMaps, { metadata: { namespace, name: 'Not_Valid' } }));
  expect(invalid.reason).toBe('Invalid');
  expect(invalid.message).toContain(
    `POST /api/v1/namespaces/${namespace}/configmaps: ConfigMap "Not_Valid" is invalid`,
  );
  const malformed = { metadata: { namespace, name: 'leak' }, data: { password: 'hunter2-not-base64!' } };
  const undecodable = await caught(kube.create(secrets, malformed));
  expect([undecodable.code, undecodable.message.includes('hunter2')]).toEqual([400, false]);
  const said = `Bearer ${controlPlane.adminToken} and eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln`;
  proxy.inject({ on: 'GET', answer: { status: 403, body: { reason: 'Forbidden', message: said } } });
  const echoed = await caught(kube.get(namespaces, { name: namespace }));
  expect(echoed.message).toBe(`GET /api/v1/namespaces/${namespace}: Bearer [redacted] and [redacted]`);
});

test('a watch from a revision that is gone throws Expired', async () => {
  const gone = {
    type: 'ERROR',
    object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' },
  };
  proxy.inject({ on: 'watch=true', answer: { status: 200, body: gone } });
  const error = await caught(kube.watch(configMaps, { namespace, resourceVersion: '1' }).next());
  expect([error.code, error.reason]).toEqual([410, 'Expired']);
});

test('a watch that falls silent is given up', async () => {
  const { resourceVersion } = await kube.list(configMaps, { namespace });
  const watch = kube.watch(configMaps, { namespace, resourceVersion, idleTimeoutMs: 200 });
  const error = await caught(watch.next());
  expect(error.reason).toBe('TimedOut');
});

test('a watch is left with the reason of its signal', async () => {
  const { resourceVersion } = await kube.list(configMaps, { namespace });
  const stop = new AbortController();
  const next = kube.watch(configMaps, { namespace, resourceVersion, signal: stop.signal }).next();
  await eventually(async () => (proxy.watches === 1 ? true : undefined), {
    what: 'the watch to open',
    timeoutMs: 10_000,
  });
  const reason = new Error('shutting down');
  stop.abort(reason);
  await expect(next).rejects.toBe(reason);
  await eventually(async () => (proxy.watches === 0 ? true : undefined), {
    what: 'the watch to close',
    timeoutMs: 10_000,
  });
});
