import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import { caught } from '../../test/kube/caught.ts';
import { KubeClient } from './client.ts';
import { configMaps, namespaces, secrets, serviceAccounts, tokenReviews } from './resource.ts';
import type { KubeObject } from './resource.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

let controlPlane: ControlPlaneAccess;
let namespace: string;
let proxy: FaultProxy;
let kube: KubeClient;

beforeAll(async () => {
  controlPlane = sharedControlPlane();
  namespace = await controlPlane.createNamespace({ prefix: 'client' });
});
beforeEach(async () => {
  proxy = await startFaultProxy(controlPlane);
  kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test' });
});
afterEach(async () => {
  await kube.close();
  await proxy.stop();
});
afterAll(async () => {
  await controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
});

test('an object is created, read, replaced, patched and deleted', async () => {
  const name = 'life';
  const created = await kube.create<ConfigMap>(configMaps, {
    metadata: { namespace, name },
    data: { a: '1' },
  });
  const replaced = await kube.replace<ConfigMap>(configMaps, { ...created, data: { b: '2' } });
  const patched = await kube.mergePatch<ConfigMap>(
    configMaps,
    { data: { b: null, c: '3' } },
    { namespace, name },
  );
  expect([created.data, replaced.data, patched.data]).toEqual([{ a: '1' }, { b: '2' }, { c: '3' }]);
  expect(await kube.get<ConfigMap>(configMaps, { namespace, name })).toEqual(patched);
  expect(await kube.delete(configMaps, { namespace, name })).toBe(true);
  expect(await kube.delete(configMaps, { namespace, name })).toBe(false);
  expect(await kube.get(configMaps, { namespace, name })).toBeUndefined();
});

test('of a list that is for metadata alone nothing else comes', async () => {
  const labels = { only: 'metadata' };
  for (const name of ['meta-1', 'meta-2', 'meta-3'])
    await kube.create<ConfigMap>(configMaps, { metadata: { namespace, name, labels }, data: { a: '1' } });
  const select = { namespace, labelSelector: 'only=metadata', pageSize: 2, metadataOnly: true };
  const { items } = await kube.list<ConfigMap>(configMaps, select);
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['meta-1', 'meta-2', 'meta-3']);
  expect(items.map(({ data }) => data)).toEqual([undefined, undefined, undefined]);
});

test('a replace with an old resourceVersion is a Conflict and changes nothing', async () => {
  const name = 'fence';
  const first = await kube.create<ConfigMap>(configMaps, { metadata: { namespace, name }, data: { n: '1' } });
  await kube.replace<ConfigMap>(configMaps, { ...first, data: { n: '2' } });
  const error = await caught(kube.replace<ConfigMap>(configMaps, { ...first, data: { n: '3' } }));
  expect({ code: error.code, reason: error.reason, unknown: error.outcomeUnknown }).toEqual({
    code: 409,
    reason: 'Conflict',
    unknown: false,
  });
  expect((await kube.get<ConfigMap>(configMaps, { namespace, name }))?.data).toEqual({ n: '2' });
});

test('a replace without resourceVersion is refused before it leaves', async () => {
  const unfenced = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'x' } };
  await expect(kube.replace(configMaps, unfenced)).rejects.toThrow(TypeError);
  expect(proxy.requests).toEqual([]);
});

test('a delete with a precondition spares an object that was made again', async () => {
  const name = 'reborn';
  const first = await kube.create(configMaps, { metadata: { namespace, name } });
  await kube.delete(configMaps, { namespace, name });
  await kube.create(configMaps, { metadata: { namespace, name } });
  const { uid = '' } = first.metadata;
  const error = await caught(kube.delete(configMaps, { namespace, name, preconditions: { uid } }));
  expect(error.reason).toBe('Conflict');
});

test('server-side apply owns its fields alone and takes them over by force', async () => {
  const draft = { metadata: { namespace, name: 'applied' } };
  const other = new KubeClient(proxy.kubeConfig(), { fieldManager: 'other' });
  await kube.apply(configMaps, { ...draft, data: { mine: '1' } });
  await other.apply(configMaps, { ...draft, data: { theirs: '1' } });
  const error = await caught(other.apply(configMaps, { ...draft, data: { mine: '2' } }, { force: false }));
  expect(error.reason).toBe('Conflict');
  const forced = await other.apply<ConfigMap>(configMaps, { ...draft, data: { mine: '2' } });
  await other.close();
  expect(forced.data).toEqual({ mine: '2' });
});

test('a status is applied beside the object, by a field manager of its own', async () => {
  const name = `${namespace}-status`;
  await kube.create(namespaces, { metadata: { name } });
  const condition = {
    type: 'Checked',
    status: 'True',
    reason: 'Test',
    message: 'Fine.',
    lastTransitionTime: '2026-11-01T00:00:00Z',
  };
  const after = await kube.applyStatus<KubeObject & { status: { conditions?: object[] } }>(namespaces, {
    metadata: { name },
    status: { conditions: [condition] },
  });
  expect(after.status.conditions).toEqual([condition]);
  const manager = { manager: 'test-status', operation: 'Apply', subresource: 'status' };
  expect(after.metadata).toHaveProperty(
    'managedFields',
    expect.arrayContaining([expect.objectContaining(manager)]),
  );
  await kube.delete(namespaces, { name });
});

test('a list is read page by page, complete, with the kind on every item', async () => {
  const labels = { list: 'paged' };
  const names = Array.from({ length: 7 }, (_, index) => `item-${index}`);
  for (const name of names) await kube.create(configMaps, { metadata: { namespace, name, labels } });
  const options = { namespace, labelSelector: 'list=paged', pageSize: 3 };
  const { items, resourceVersion } = await kube.list(configMaps, options);
  expect(items.map(({ kind, metadata: { name } }) => [kind, name])).toEqual(
    names.map((name) => ['ConfigMap', name]),
  );
  expect(Number(resourceVersion)).toBeGreaterThan(0);
  expect(proxy.requests.filter((line) => line.includes('limit=3'))).toHaveLength(3);
  const error = await caught(kube.list(configMaps, { ...options, maxItems: 5 }));
  expect(error.reason).toBe('RequestEntityTooLarge');
});

test('a missing right is Forbidden and wrong credentials are Unauthorized', async () => {
  const nobody = new KubeClient(proxy.kubeConfig('nobody'), { fieldManager: 'test' });
  expect((await caught(nobody.list(secrets, { namespace }))).reason).toBe('Forbidden');
  await nobody.close();
  const config = proxy.kubeConfig();
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('no cluster');
  config.loadFromClusterAndUser(cluster, { name: 'x', token: 'wrong' });
  const stranger = new KubeClient(config, { fieldManager: 'test' });
  expect((await caught(stranger.list(secrets, { namespace }))).reason).toBe('Unauthorized');
  await stranger.close();
});

test('a kind that is not installed is an error, never an object that does not exist', async () => {
  const group = 'not-installed.example';
  const missing = { group, version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
  const calls = [
    kube.get(missing, { namespace, name: 'x' }),
    kube.delete(missing, { namespace, name: 'x' }),
    kube.list(missing, { namespace }),
  ];
  const reasons = await Promise.all(calls.map(async (call) => (await caught(call)).reason));
  expect(reasons).toEqual(['NoSuchResource', 'NoSuchResource', 'NoSuchResource']);
  const elsewhere = { namespace: 'does-not-exist', name: 'x' };
  expect(await kube.get(configMaps, elsewhere)).toBeUndefined();
});

test('names that would leave their place in the path are refused', async () => {
  for (const name of ['', '..', 'a/b', 'a%2fb']) {
    await expect(kube.get(configMaps, { namespace, name })).rejects.toThrow(TypeError);
  }
  expect(proxy.requests).toEqual([]);
});

test('a token is requested for an audience, and its review says whose it is', async () => {
  await kube.create(serviceAccounts, { metadata: { namespace, name: 'app' } });
  const { token, expirationTimestamp } = await kube.requestToken({
    namespace,
    serviceAccount: 'app',
    audiences: ['sap-ai-budget'],
    expirationSeconds: 600,
  });
  expect(Date.parse(expirationTimestamp)).not.toBeNaN();
  const review = await kube.create<KubeObject & { status: object }>(tokenReviews, {
    spec: { token, audiences: ['sap-ai-budget'] },
  });
  expect(review.status).toMatchObject({
    authenticated: true,
    audiences: ['sap-ai-budget'],
    user: { username: `system:serviceaccount:${namespace}:app` },
  });
});

test("the server's time is its Date header", async () => {
  const before = Date.now();
  const time = await kube.serverTime();
  // Same machine, same clock: within the header's whole second.
  expect(time.getTime()).toBeGreaterThan(before - 1_001);
  expect(time.getTime()).toBeLessThanOrEqual(Date.now());
});

test('many calls share a pooled connection', async () => {
  for (let call = 0; call < 50; call += 1) await kube.get(namespaces, { name: namespace });
  // A call that starts in the moment in which the former one ends may open a second one.
  expect(proxy.connections).toBeLessThanOrEqual(2);
});

test('a watch gives raw events since a revision, and ends when the server closes it', async () => {
  const { resourceVersion } = await kube.list(configMaps, { namespace });
  const name = 'watched';
  await kube.create(configMaps, { metadata: { namespace, name } });
  await kube.delete(configMaps, { namespace, name });
  const seen: string[] = [];
  const options = { namespace, resourceVersion, timeoutSeconds: 1 };
  for await (const event of kube.watch(configMaps, options)) {
    seen.push(event.type === 'BOOKMARK' ? event.type : `${event.type} ${event.object.metadata.name}`);
  }
  expect(seen.filter((line) => line !== 'BOOKMARK')).toEqual([`ADDED ${name}`, `DELETED ${name}`]);
});
