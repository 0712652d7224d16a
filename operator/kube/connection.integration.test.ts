import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import { caught } from '../../test/kube/caught.ts';
import { issueAuthority } from '../certificates/issue.ts';
import { KubeClient } from './client.ts';
import { namespaces } from './resource.ts';

const name = 'kube-system';
let controlPlane: ControlPlaneAccess;
let proxy: FaultProxy;
let dir: string;

beforeAll(() => {
  controlPlane = sharedControlPlane();
});
beforeEach(async () => {
  proxy = await startFaultProxy(controlPlane);
  dir = await mkdtemp(join(tmpdir(), 'sap-ai-budget-connection-'));
});
afterEach(async () => {
  await proxy.stop();
  await rm(dir, { recursive: true });
});

test('a CA file that changes under a running client is taken up, and the former pool is left', async () => {
  const caFile = join(dir, 'ca.crt');
  await writeFile(caFile, (await issueAuthority(new Date())).certificate);
  const config = proxy.kubeConfig();
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (cluster === null || user === null) throw new Error('the kubeconfig is empty');
  config.loadFromClusterAndUser({ ...cluster, caFile }, user);
  const kube = new KubeClient(config, { fieldManager: 'test' });
  const error = await caught(kube.get(namespaces, { name }));
  expect([error.reason, proxy.requests.length]).toEqual(['Unreachable', 0]);
  await writeFile(caFile, await readFile(controlPlane.caFile));
  expect(await kube.get(namespaces, { name })).toBeDefined();
  // The same file again is the same pool.
  for (let call = 0; call < 20; call += 1) await kube.get(namespaces, { name });
  expect(proxy.connections).toBeLessThanOrEqual(3);
  await kube.close();
});

test('calls one after the other share a connection, also deletions', async () => {
  const kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test' });
  for (let call = 0; call < 10; call += 1) {
    expect(await kube.delete(namespaces, { name: 'does-not-exist' })).toBe(false);
    await kube.get(namespaces, { name });
  }
  expect(proxy.connections).toBeLessThanOrEqual(3);
  await kube.close();
});

test('a certificate for another host name is not accepted', async () => {
  const config = proxy.kubeConfig();
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (cluster === null || user === null) throw new Error('the kubeconfig is empty');
  config.loadFromClusterAndUser({ ...cluster, tlsServerName: 'elsewhere.example' }, user);
  const kube = new KubeClient(config, { fieldManager: 'test' });
  expect((await caught(kube.get(namespaces, { name }))).reason).toBe('Unreachable');
  expect(proxy.requests).toEqual([]);
  await kube.close();
});

test('every answer is counted with its code, and a call without answer with 0', async () => {
  const calls: string[] = [];
  const kube = new KubeClient(proxy.kubeConfig(), {
    fieldManager: 'test',
    onCall: ({ method, path, code }) => calls.push(`${method} ${path} ${code}`),
  });
  await kube.get(namespaces, { name });
  await kube.get(namespaces, { name: 'does-not-exist' });
  proxy.inject({ on: 'DELETE', loseAnswer: true });
  await caught(kube.delete(namespaces, { name: 'does-not-exist' }));
  await kube.close();
  expect(calls).toEqual([
    'GET /api/v1/namespaces/kube-system 200',
    'GET /api/v1/namespaces/does-not-exist 404',
    'DELETE /api/v1/namespaces/does-not-exist 0',
  ]);
});

test('after close every call fails, and open watches end', async () => {
  const kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test' });
  const { resourceVersion } = await kube.list(namespaces);
  const watch = kube.watch(namespaces, { resourceVersion });
  const next = caught(watch.next());
  await kube.close();
  expect((await next).reason).toBe('Unreachable');
  expect((await caught(kube.get(namespaces, { name }))).reason).toBe('Unreachable');
});

test('a kubeconfig that cannot be used is refused at once', () => {
  const config = proxy.kubeConfig();
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig is empty');
  config.loadFromClusterAndUser({ ...cluster, proxyUrl: 'http://127.0.0.1:1' }, { name: 'x' });
  expect(() => new KubeClient(config, { fieldManager: 'test' })).toThrow('proxy-url is not supported');
  config.setCurrentContext('missing');
  expect(() => new KubeClient(config, { fieldManager: 'test' })).toThrow('set current-context');
});
