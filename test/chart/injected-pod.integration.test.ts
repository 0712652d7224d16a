import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pods } from '../../operator/kube/resource.ts';
import type { KubeObject } from '../../operator/kube/resource.ts';
import { podSchema } from '../../operator/webhook/pod.ts';
import type { Container } from '../../operator/webhook/pod.ts';
import { eventually } from '../control-plane/eventually.ts';
import { freePorts } from '../control-plane/ports.ts';
import { startEmulator } from '../sap-emulator/emulator.ts';
import type { Emulator } from '../sap-emulator/emulator.ts';
import { Application } from '../world/application.ts';
import { writeVolumes } from '../world/pods.ts';
import { Programs } from '../world/programs.ts';
import { installOperator } from './installed-operator.ts';
import type { InstalledOperator } from './installed-operator.ts';

const waitMs = 30_000;
const buildMs = 1_800_000;

let installed: InstalledOperator;
let emulator: Emulator;
let programs: Programs;
let dir: string;
const applications: Application[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sap-ai-budget-pod-'));
  programs = new Programs({ logDir: dir, removeAtEnd: dir });
  emulator = await startEmulator();
  installed = await installOperator();
  const stringData = { key: JSON.stringify(emulator.serviceKey()) };
  const items = [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'aicore-key' }, stringData },
    {
      apiVersion: 'sapai.eerly.ai/v1alpha1',
      kind: 'SapAiBudget',
      metadata: { name: 'chat' },
      spec: { aiCore: { serviceKeySecretRef: { name: 'aicore-key' } }, monthlyLimit: '100' },
    },
  ];
  const namespace = installed.credentialNamespace;
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await installed.controlPlane.kubectlRun(['apply', '-n', namespace, '-f', '-'], { input });
  await installed.controlPlane.kubectlRun([
    'wait',
    '-n',
    namespace,
    '--for=condition=Ready',
    '--timeout=30s',
    'saib/chat',
  ]);
}, buildMs);
afterAll(async () => {
  for (const application of applications) await application.stop();
  await programs?.stop();
  await installed?.stop();
  await emulator?.close();
});

/** A pod as it is stored, once the API server trusts the webhook. */
function createPod(name: string): Promise<KubeObject> {
  const { kube, credentialNamespace: namespace } = installed;
  const draft = {
    metadata: { namespace, name, labels: { 'sapai.eerly.ai/budget': 'chat' } },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  };
  return eventually(() => kube.create<KubeObject>(pods, draft).catch(() => undefined), {
    what: 'a pod with a sidecar',
    timeoutMs: waitMs,
  });
}

function envOf(container: Container | undefined, origin: string): Record<string, string> {
  const env = (container?.env ?? []).map(({ name, value = '' }): [string, string] => [
    name,
    // All pods of this machine share one loopback address.
    value.replaceAll('http://127.0.0.1:15480', origin),
  ]);
  return Object.fromEntries(env);
}

test("SAP's SDK spends from the budget with nothing but what was put into its pod", async () => {
  const stored = await createPod('chat');
  const { name, uid = '' } = stored.metadata;
  const namespace = installed.credentialNamespace;
  const { spec } = podSchema.parse(stored);
  const [port = 0, adminPort = 0] = await freePorts(2);
  const origin = `http://127.0.0.1:${port}`;
  const files = await writeVolumes(installed.controlPlane, {
    pod: { namespace, name, uid, appKey: '' },
    dir,
    operatorNamespace: namespace,
  });
  const places = {
    SAPAIBUDGET_LISTEN: `127.0.0.1:${port}`,
    SAPAIBUDGET_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    SAPAIBUDGET_CA_FILE: files.caFile,
    SAPAIBUDGET_TOKEN_FILE: files.tokenFile,
    SAPAIBUDGET_JOURNAL_DIR: files.journalDir,
  };
  await programs.start({
    name: 'sidecar',
    entry: 'sidecar/main.ts',
    env: { ...envOf(spec.initContainers?.[0], origin), ...places },
    readyUrl: `http://127.0.0.1:${adminPort}/readyz`,
  });
  const application = new Application(envOf(spec.containers[0], origin));
  applications.push(application);
  const result = await application.call({
    kind: 'json',
    model: 'gpt-4o',
    prompt: 'Name a colour.',
    maxTokens: 50,
  });
  expect(result).toMatchObject({ outcome: 'ok', status: 200 });
  expect(result.headers).toMatchObject({ 'sapaibudget-budget': `${namespace}/chat` });
});
