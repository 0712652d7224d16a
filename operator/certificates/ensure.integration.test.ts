import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import { KubeClient } from '../kube/client.ts';
import { configMaps, secrets } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { authorityConfigMapName, certificatesSecretName, ensureCertificates } from './ensure.ts';
import type { ServingCertificates } from './ensure.ts';
import { CertificateError } from './renew.ts';

interface WithData extends KubeObject {
  data: Record<string, string>;
}

const names = ['sap-ai-budget.operator.svc', '127.0.0.1'];
const start = new Date('2026-11-01T00:00:00Z');
const dayMs = 86_400_000;

let controlPlane: ControlPlaneAccess;
let namespace: string;
let proxy: FaultProxy;
let kube: KubeClient;

beforeAll(() => {
  controlPlane = sharedControlPlane();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace({ prefix: 'certificates' });
  proxy = await startFaultProxy(controlPlane);
  kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test' });
});
afterEach(async () => {
  await kube.close();
  await proxy.stop();
  await controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
});

function ensure(days = 0): Promise<ServingCertificates> {
  return ensureCertificates(kube, { namespace, names, now: new Date(start.getTime() + days * dayMs) });
}
async function stored(): Promise<{ secret: WithData; bundle: string }> {
  const secret = await kube.get<WithData>(secrets, { namespace, name: certificatesSecretName });
  const configMap = await kube.get<WithData>(configMaps, { namespace, name: authorityConfigMapName });
  if (secret === undefined || configMap === undefined) throw new Error('nothing is stored');
  return { secret, bundle: configMap.data['ca.crt'] ?? '' };
}
function writes(): string[] {
  return proxy.requests.filter((line) => /^(POST|PUT) /.test(line));
}

test('the first call stores a Secret and publishes the bundle, the second one keeps both', async () => {
  const first = await ensure();
  const { secret, bundle } = await stored();
  expect(first.changes).toEqual([
    'authority: there is no usable CA',
    'leaf: there is no usable server certificate',
  ]);
  expect(Object.keys(secret.data).toSorted()).toEqual(['ca.crt', 'ca.key', 'tls.crt', 'tls.key']);
  expect(bundle).toBe(first.authorities);
  expect(new X509Certificate(first.certificate).verify(new X509Certificate(bundle).publicKey)).toBe(true);
  const second = await ensure(1);
  expect(second).toEqual({ ...first, changes: [] });
  const after = await stored();
  expect(after.secret.metadata.resourceVersion).toBe(secret.metadata.resourceVersion);
  expect(writes()).toHaveLength(1);
});

test('replicas that start together end up with one CA and one server certificate', async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => ensure()));
  const { bundle } = await stored();
  expect(new Set(all.map(({ certificate }) => certificate)).size).toBe(1);
  expect(new Set([...all.map(({ authorities }) => authorities), bundle])).toEqual(new Set([bundle]));
});

test('two CAs are trusted while one gives way to the other', async () => {
  const first = await ensure();
  const announced = await ensure(366);
  expect(announced.changes[0]).toBe('announce: the CA is past half of its life');
  const published = await stored();
  expect(published.bundle.startsWith(first.authorities)).toBe(true);
  expect(published.bundle.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  const switched = await ensure(368);
  expect(switched.changes[0]).toBe('switch: the next CA has been announced for a day');
  const trustedBefore = published.bundle
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .map((pem) => new X509Certificate(pem).publicKey);
  const served = new X509Certificate(switched.certificate);
  expect(trustedBefore.map((key) => served.verify(key))).toEqual([false, true]);
  const retired = await ensure(380);
  expect(retired.changes).toEqual(['retire: nobody serves a certificate of the old CA any more']);
  expect((await stored()).bundle.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
});

test('a Secret that was edited by hand is mended, and a removed bundle is published again', async () => {
  const first = await ensure();
  const { secret } = await stored();
  await kube.replace(secrets, { ...secret, data: { ...secret.data, 'tls.key': 'bm9uc2Vuc2U=' } });
  await kube.delete(configMaps, { namespace, name: authorityConfigMapName });
  const mended = await ensure(1);
  expect(mended.changes).toEqual(['leaf: there is no usable server certificate']);
  expect([mended.authorities, (await stored()).bundle]).toEqual([first.authorities, first.authorities]);
});

test('a write that somebody overtakes is decided anew, but not for ever', async () => {
  const conflict = { status: 409, body: { code: 409, reason: 'Conflict', message: 'changed' } };
  proxy.inject({ on: `POST /api/v1/namespaces/${namespace}/secrets`, answer: conflict, times: 2 });
  await ensure();
  expect(writes()).toHaveLength(3);
  await kube.delete(secrets, { namespace, name: certificatesSecretName });
  proxy.inject({ on: `POST /api/v1/namespaces/${namespace}/secrets`, answer: conflict, times: 100 });
  await expect(ensure()).rejects.toThrow(CertificateError);
});

test('a certificate whose storing failed is not served', async () => {
  const away = { status: 500, body: { code: 500, message: 'etcd is away' } };
  proxy.inject({ on: 'POST', answer: away });
  await expect(ensure()).rejects.toMatchObject({ name: 'KubeError', code: 500 });
  expect(await kube.get(configMaps, { namespace, name: authorityConfigMapName })).toBeUndefined();
});

test('private keys are in the Secret and nowhere else', async () => {
  const { privateKey } = await ensure();
  const { secret } = await stored();
  const keys = [privateKey, Buffer.from(secret.data['ca.key'] ?? '', 'base64').toString('utf8')];
  const kinds = 'configmaps,events,serviceaccounts,pods,leases.coordination.k8s.io';
  const dump = await controlPlane.kubectlRun([
    'get',
    kinds,
    '-n',
    namespace,
    '-o',
    'json',
    '--show-managed-fields',
  ]);
  const { data: _, ...restOfSecret } = secret;
  const everythingElse = dump.stdout + JSON.stringify(restOfSecret);
  const found = (text: string): boolean =>
    keys.some((key) => spellings(key).some((one) => text.includes(one)));
  expect(everythingElse).toContain('BEGIN CERTIFICATE');
  expect(found(everythingElse)).toBe(false);
  // The search itself works: planted, a key is found.
  expect(found(everythingElse + JSON.stringify({ leaked: privateKey }))).toBe(true);
  expect(found(JSON.stringify(secret))).toBe(true);
});

/** The key as it could appear: its first line of base64, the text in base64, as JSON. */
function spellings(pem: string): string[] {
  const line = pem.split('\n')[1] ?? pem;
  return [line, Buffer.from(pem).toString('base64'), JSON.stringify(pem).slice(1, -1)];
}
