import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../../test/control-plane/eventually.ts';
import { startControlPlane } from '../../test/control-plane/start.ts';
import type { ControlPlane } from '../../test/control-plane/start.ts';
import { ensureCertificates } from '../certificates/ensure.ts';
import { systemClock } from '../kube/clock.ts';
import { KubeClient } from '../kube/client.ts';
import { startInjection } from './injection.ts';
import type { Injection, InjectionOptions } from './injection.ts';
import { podSchema } from './pod.ts';
import type { Pod } from './pod.ts';
import { webhookConfiguration } from './webhook-configuration.ts';
import { startMesh } from './testing/mesh.ts';
import { podOf, refusedPods } from './testing/pod-of.ts';
import type { WebhookOutcome } from './webhook-service.ts';

const operatorNamespace = 'sap-ai-budget';
const registrations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const label = 'sapai.eerly.ai/budget';
const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const waitMs = 30_000;

const status = z.object({ message: z.string() });
const configMap = z.object({ data: z.record(z.string(), z.string()) });

let controlPlane: ControlPlane;
let kube: KubeClient;
let injection: Injection;
let authorities: string;
let stop: AbortController;
const outcomes: WebhookOutcome[] = [];
const failures: unknown[] = [];

async function create(
  namespace: string,
  pod: object,
  query = '',
): Promise<{ status: number; pod?: Pod; message: string }> {
  const path = `/api/v1/namespaces/${namespace}/pods${query}`;
  const answer = await controlPlane.call({ method: 'POST', path, body: pod });
  if (answer.status === 201) return { status: 201, pod: podSchema.parse(answer.body), message: '' };
  return { status: answer.status, message: status.parse(answer.body).message };
}

/** The `ca.crt` of a namespace as soon as it is as wanted. */
async function authorityIn(namespace: string, wanted: (pem: string) => boolean): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/sap-ai-budget-ca`;
  return eventually(
    async () => {
      const found = configMap.safeParse((await controlPlane.call({ path })).body);
      const pem = found.success ? found.data.data['ca.crt'] : undefined;
      return pem !== undefined && wanted(pem) ? pem : undefined;
    },
    { what: `the CA in namespace ${namespace}`, timeoutMs: waitMs },
  );
}

function namesOf(pod: Pod | undefined): string[] {
  return [...(pod?.spec.initContainers ?? []), ...(pod?.spec.containers ?? [])].map(({ name }) => name);
}

async function start(signal: AbortSignal): Promise<Injection> {
  const certificates = await ensureCertificates(kube, {
    namespace: operatorNamespace,
    names: ['127.0.0.1'],
    now: new Date(),
  });
  ({ authorities } = certificates);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const options: InjectionOptions = {
    listen: { host: '127.0.0.1', port: 0 },
    certificates,
    operatorNamespace,
    settings: {
      image: 'registry.example/sap-ai-budget:0.1.0',
      command: ['node', '/app/sidecar/main.ts'],
      operatorUrl: 'https://127.0.0.1:9443',
      resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '256Mi' } },
      journalSizeLimit: '16Mi',
      logLevel: 'info',
    },
    resourceGroupOf: ({ name }) => (name === 'search' ? 'vectors' : undefined),
    leads: () => true,
    kube,
    clock: systemClock,
    log,
    metrics: {
      admissionAnswered: ({ outcome }) => outcomes.push(outcome),
      reconciled: (_controller, { result, error }) => result === 'error' && failures.push(error),
    },
    signal,
  };
  return startInjection(options);
}

async function register(): Promise<void> {
  const address = { url: `https://127.0.0.1:${injection.port}` };
  const body = webhookConfiguration({ address, operatorNamespace });
  const { status: code } = await controlPlane.call({ method: 'POST', path: registrations, body });
  expect(code).toBe(201);
}

/** Resolves when a selected pod is admitted: the API server reads registrations with a delay. */
function untilTrusted(namespace: string): Promise<boolean> {
  return eventually(
    async () => {
      const { status: code, pod } = await create(
        namespace,
        podOf('probe', { labels: { [label]: 'chat' } }),
        '?dryRun=All',
      );
      return code === 201 && namesOf(pod).includes('sap-ai-budget') ? true : undefined;
    },
    { what: 'the API server to trust the webhook', timeoutMs: waitMs },
  );
}

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.call({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { metadata: { name: operatorNamespace } },
  });
  const config = new KubeConfig();
  config.loadFromFile(controlPlane.kubeconfigPath('admin'));
  kube = new KubeClient(config, { fieldManager: 'sapaibudget-operator' });
  stop = new AbortController();
  injection = await start(stop.signal);
});
afterAll(async () => {
  stop.abort(new Error('the test is over'));
  await injection.stopped;
  await kube.close();
  await controlPlane.stop();
});

test('a namespace with the label has the CA before it has a pod, and gets it back', async () => {
  const namespace = await controlPlane.createNamespace({ labels: { [label]: 'chat' } });
  expect(await authorityIn(namespace, () => true)).toBe(authorities);
  const path = `/api/v1/namespaces/${namespace}/configmaps/sap-ai-budget-ca`;
  await controlPlane.call({ method: 'DELETE', path });
  expect(await authorityIn(namespace, () => true)).toBe(authorities);
  await controlPlane.call({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body: { data: { 'ca.crt': 'forged' } },
  });
  expect(await authorityIn(namespace, (pem) => pem !== 'forged')).toBe(authorities);
});

test('a namespace that goes is let go', async () => {
  const namespace = await controlPlane.createNamespace({ labels: { [label]: 'chat' } });
  await authorityIn(namespace, () => true);
  const path = `/api/v1/namespaces/${namespace}`;
  await controlPlane.call({ method: 'DELETE', path });
  await eventually(async () => ((await controlPlane.call({ path })).status === 404 ? true : undefined), {
    what: 'the namespace to be gone',
    timeoutMs: waitMs,
  });
  expect(failures).toEqual([]);
});

describe('with the registration', () => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await controlPlane.createNamespace({ labels: restricted });
    await register();
    await untilTrusted(namespace);
  });

  test('a labelled pod gets its sidecar first, runs under Pod Security restricted, and the CA follows', async () => {
    const { pod } = await create(namespace, podOf('labelled', { labels: { [label]: 'search' } }));
    expect(namesOf(pod)).toEqual(['sap-ai-budget', 'app']);
    const app = pod?.spec.containers[0];
    expect(app?.env).toContainEqual({ name: 'AICORE_RESOURCE_GROUP', value: 'vectors' });
    expect(await authorityIn(namespace, () => true)).toBe(authorities);
  });

  test("the sidecar has the token for the operator and not the workload's own", async () => {
    const { pod } = await create(namespace, podOf('tokens', { labels: { [label]: 'chat' } }));
    const mounts = pod?.spec.initContainers?.[0]?.volumeMounts?.map(({ name }) => name);
    expect(mounts).toEqual(['sap-ai-budget-token', 'sap-ai-budget-ca', 'sap-ai-budget-journal']);
  });

  test('two pods never have the same key', async () => {
    const pods = await Promise.all(
      ['one', 'two'].map((name) => create(namespace, podOf(name, { labels: { [label]: 'chat' } }))),
    );
    const keys = pods.map(
      ({ pod }) => pod?.spec.containers[0]?.env?.find(({ name }) => name === 'OPENAI_API_KEY')?.value,
    );
    expect(new Set(keys).size).toBe(2);
    for (const key of keys) expect(key).toMatch(/^chat\.[\w-]{43}$/);
  });

  test('a pod of a labelled namespace gets it without a label of its own', async () => {
    const labelled = await controlPlane.createNamespace({ labels: { ...restricted, [label]: 'chat' } });
    const { pod } = await create(labelled, podOf('plain'));
    expect(namesOf(pod)).toEqual(['sap-ai-budget', 'app']);
    expect(JSON.stringify(pod)).toContain('chat.');
  });

  test('any other pod is left alone, and nobody is asked about it', async () => {
    const asked = outcomes.length;
    const { pod } = await create(namespace, podOf('other'));
    const { pod: system } = await create('kube-system', podOf('system', { labels: { [label]: 'chat' } }));
    expect([namesOf(pod), namesOf(system)]).toEqual([['app'], ['app']]);
    expect(outcomes).toHaveLength(asked);
  });

  test('a pod that is tried only makes no ConfigMap', async () => {
    const quiet = await controlPlane.createNamespace();
    const { pod } = await create(quiet, podOf('tried', { labels: { [label]: 'chat' } }), '?dryRun=All');
    expect(namesOf(pod)).toEqual(['sap-ai-budget', 'app']);
    const real = await controlPlane.createNamespace();
    await create(real, podOf('created', { labels: { [label]: 'chat' } }));
    await authorityIn(real, () => true);
    const path = `/api/v1/namespaces/${quiet}/configmaps/sap-ai-budget-ca`;
    expect((await controlPlane.call({ path })).status).toBe(404);
  });

  test.each(refusedPods)('a pod with $what is refused, and kubectl says why', async ({ pod, says }) => {
    const open = await controlPlane.createNamespace({ labels: { [label]: 'chat' } });
    const input = JSON.stringify(pod);
    const { exitCode, stderr } = await controlPlane.kubectlRun(['create', '-n', open, '-f', '-'], { input });
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(says);
  });

  test('a Deployment whose pods are refused says why in its status', async () => {
    const template = {
      metadata: { labels: { app: 'bad', [label]: 'chat' } },
      spec: { hostNetwork: true, containers: [{ name: 'app', image: 'app' }] },
    };
    const body = {
      metadata: { name: 'bad' },
      spec: { replicas: 1, selector: { matchLabels: { app: 'bad' } }, template },
    };
    const open = await controlPlane.createNamespace();
    const path = `/apis/apps/v1/namespaces/${open}/deployments`;
    expect((await controlPlane.call({ method: 'POST', path, body })).status).toBe(201);
    const described = await eventually(
      async () => {
        const { stdout } = await controlPlane.kubectlRun([
          'get',
          'deployment',
          'bad',
          '-n',
          open,
          '-o',
          'yaml',
        ]);
        return stdout.includes('ReplicaFailure') ? stdout : undefined;
      },
      { what: 'the condition ReplicaFailure', timeoutMs: waitMs },
    );
    expect(described).toContain('spec.hostNetwork');
  });

  test('another CA reaches the registration and every namespace', async () => {
    const secret = `/api/v1/namespaces/${operatorNamespace}/secrets/sap-ai-budget-certificates`;
    await controlPlane.call({ method: 'DELETE', path: secret });
    const before = authorities;
    const renewed = await ensureCertificates(kube, {
      namespace: operatorNamespace,
      names: ['127.0.0.1'],
      now: new Date(),
    });
    expect(renewed.authorities).not.toBe(before);
    injection.useCertificates(renewed);
    ({ authorities } = renewed);
    await authorityIn(namespace, (pem) => pem === authorities);
    await untilTrusted(namespace);
  });

  test('a registration that was made again is given the CA again', async () => {
    await controlPlane.call({ method: 'DELETE', path: `${registrations}/sap-ai-budget` });
    await register();
    expect(await untilTrusted(namespace)).toBe(true);
  });

  test('a container that another webhook adds later gets its variables too, and the sidecar stays first', async () => {
    const mesh = await startMesh(controlPlane, namespace);
    try {
      const pod = await eventually(
        async () => {
          const created = await create(
            namespace,
            podOf('meshed', { labels: { [label]: 'chat' } }),
            '?dryRun=All',
          );
          return namesOf(created.pod).includes('mesh') ? created.pod : undefined;
        },
        { what: 'the other webhook', timeoutMs: waitMs },
      );
      expect(namesOf(pod)).toEqual(['sap-ai-budget', 'mesh', 'app', 'agent']);
      const keys = [...(pod.spec.initContainers ?? []).slice(1), ...pod.spec.containers].map(
        ({ env }) => env?.find(({ name }) => name === 'AICORE_CLIENT_SECRET')?.value,
      );
      const own = pod.spec.initContainers?.[0]?.env?.find(
        ({ name }) => name === 'SAPAIBUDGET_APP_KEY',
      )?.value;
      expect(own).toMatch(/^[\w-]{43}$/);
      expect(keys).toEqual([own, own, own]);
    } finally {
      await mesh.stop();
    }
  });

  test('without the webhook a selected pod is refused, and any other one is not', async () => {
    stop.abort(new Error('the webhook is down'));
    await injection.stopped;
    const { status: code, message } = await create(namespace, podOf('late', { labels: { [label]: 'chat' } }));
    expect(code).toBe(500);
    expect(message).toContain('failed calling webhook "pod.inject.sapai.eerly.ai"');
    expect((await create(namespace, podOf('free'))).status).toBe(201);
  });
});
