import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { startControlPlane } from '../../test/control-plane/start.ts';
import type { ControlPlane } from '../../test/control-plane/start.ts';
import { KubeClient } from '../kube/client.ts';
import { makePod, setPhase } from '../lease-service/test-service.ts';
import { TestClock } from '../testing/test-clock.ts';
import { CoverageBoard } from './coverage-board.ts';
import { countOnce, keepCoverage } from './keep-coverage.ts';
import type { CoverageOptions } from './keep-coverage.ts';
import { ReadySidecars } from './ready-sidecars.ts';
import { PodSightings } from './pod-sightings.ts';

const label = 'sapai.eerly.ai/budget';

// Of its own: all pods of the cluster are counted.
let controlPlane: ControlPlane;
let kube: KubeClient;
let operatorNamespace: string;
const stop = new AbortController();

beforeAll(async () => {
  controlPlane = await startControlPlane();
  const config = new KubeConfig();
  config.loadFromFile(controlPlane.kubeconfigPath('admin'));
  kube = new KubeClient(config, { fieldManager: 'test' });
  operatorNamespace = await controlPlane.createNamespace({ labels: { [label]: 'own' } });
});
afterAll(async () => {
  stop.abort();
  await kube?.close();
  await controlPlane?.stop();
});

/** A pod that runs, or is as far as the phase says. */
async function runningPod(
  at: ControlPlaneAccess,
  {
    namespace,
    name,
    labels = {},
    phase = 'Running',
  }: { namespace: string; name: string; labels?: Record<string, string>; phase?: string },
): Promise<string> {
  const { uid } = await makePod(at, { namespace, name, labels });
  await setPhase(at, { namespace, name, phase });
  return uid;
}

function scene(...of: string[]): {
  options: Omit<CoverageOptions, 'everyMs' | 'onFailed'>;
  changed: string[];
  clock: TestClock;
} {
  const clock = new TestClock();
  const changed: string[] = [];
  const sightings = new PodSightings({ clock });
  const board = new CoverageBoard();
  const options = { kube, operatorNamespace, sightings, board, clock, signal: stop.signal };
  const budgets = (): string[] => [...of];
  return { options: { ...options, budgets, onChange: (budget) => changed.push(budget) }, changed, clock };
}

test('running pods are counted as the webhook would have chosen them, and those that report as enforced', async () => {
  const plain = await controlPlane.createNamespace();
  const labelled = await controlPlane.createNamespace({ labels: { [label]: 'all' } });
  const chat = { [label]: 'chat' };
  const guarded = await runningPod(controlPlane, { namespace: plain, name: 'guarded', labels: chat });
  await runningPod(controlPlane, { namespace: plain, name: 'bare', labels: chat });
  await runningPod(controlPlane, { namespace: plain, name: 'starting', labels: chat, phase: 'Pending' });
  await runningPod(controlPlane, { namespace: plain, name: 'over', labels: chat, phase: 'Succeeded' });
  await runningPod(controlPlane, { namespace: plain, name: 'other' });
  await runningPod(controlPlane, { namespace: labelled, name: 'old' });
  await runningPod(controlPlane, { namespace: operatorNamespace, name: 'operator' });
  await runningPod(controlPlane, { namespace: 'kube-system', name: 'system', labels: chat });

  const { options, changed, clock } = scene(`${plain}/chat`, `${labelled}/all`, 'default/none');
  const { board, sightings } = options;
  clock.pass(91_000);
  sightings.note(guarded);
  await countOnce({ ...options, ready: new ReadySidecars({ kube, clock }) });
  expect(board.get(`${plain}/chat`)).toEqual({ selected: 2, enforced: 1, missing: ['bare'] });
  expect(board.get(`${labelled}/all`)).toEqual({ selected: 1, enforced: 0, missing: ['old'] });
  expect(board.get('default/none')).toMatchObject({ selected: 0 });
  expect(changed).toEqual([`${plain}/chat`, `${labelled}/all`, 'default/none']);
});

test("a pod whose sidecar calls another replica counts by its kubelet's word, and nobody is missed before all were looked at", async () => {
  const namespace = await controlPlane.createNamespace();
  const labels = { [label]: 'chat' };
  for (const name of ['elsewhere', 'bare']) await runningPod(controlPlane, { namespace, name, labels });
  await sayReady(namespace, 'elsewhere');
  const { options, clock } = scene(`${namespace}/chat`);
  clock.pass(91_000);
  // Pods of other tests are suspects, too.
  const ready = new ReadySidecars({ kube, clock, maxLooks: 1 });
  await countOnce({ ...options, ready });
  expect(options.board.get(`${namespace}/chat`)).toBeUndefined();
  for (let counts = 0; counts < 20; counts += 1) await countOnce({ ...options, ready });
  const coverage = { selected: 2, enforced: 1, missing: ['bare'] };
  expect(options.board.get(`${namespace}/chat`)).toEqual(coverage);
  await sayReady(namespace, 'bare');
  clock.pass(300_001);
  await countOnce({ ...options, ready: new ReadySidecars({ kube, clock }) });
  expect(options.board.get(`${namespace}/chat`)).toMatchObject({ enforced: 2 });
});

test('a refusal of the API server is told once, as is the end of it', async () => {
  const namespace = await controlPlane.createNamespace();
  await runningPod(controlPlane, { namespace, name: 'one', labels: { [label]: 'chat' } });
  const { options, clock } = scene();
  const calls: number[] = [];
  const stranger = await clientOf(namespace, (code) => calls.push(code));
  const told: unknown[] = [];
  const ended = new AbortController();
  const counting = keepCoverage({
    ...options,
    kube: stranger,
    everyMs: 1000,
    onFailed: (error) => told.push(error),
    signal: ended.signal,
  });
  await passUntil(clock, () => calls.filter((code) => code === 403).length >= 3);
  expect(told).toEqual([expect.objectContaining({ reason: 'Forbidden' })]);
  expect(options.board.get(`${namespace}/chat`)).toBeUndefined();
  await letView(namespace);
  await passUntil(clock, () => told.length > 1);
  expect(told[1]).toBeUndefined();
  await passUntil(clock, () => options.board.get(`${namespace}/chat`) !== undefined);
  ended.abort();
  await counting;
  await stranger.close();
});

/** The API as a ServiceAccount without any rights has it. */
async function clientOf(namespace: string, onCode: (code: number) => void): Promise<KubeClient> {
  const token = await controlPlane.serviceAccountToken({ namespace, serviceAccount: 'default' });
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'cluster', server: controlPlane.url, caFile: controlPlane.caFile, skipTLSVerify: false },
    { name: 'stranger', token },
  );
  return new KubeClient(config, { fieldManager: 'test', onCall: ({ code }) => onCode(code) });
}

/** Says as a kubelet would that the sidecar of a pod is ready. */
async function sayReady(namespace: string, name: string): Promise<void> {
  const container = { name: 'sap-ai-budget', ready: true, image: 'i', imageID: '', restartCount: 0 };
  const answer = await controlPlane.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { initContainerStatuses: [container] } },
  });
  expect(answer.status).toBe(200);
}

async function letView(namespace: string): Promise<void> {
  const body = {
    metadata: { name: `view-${namespace}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
  };
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  expect((await controlPlane.call({ method: 'POST', path, body })).status).toBe(201);
}

async function passUntil(clock: TestClock, isSo: () => boolean): Promise<void> {
  const probe = (): Promise<true | undefined> => {
    clock.pass(1000);
    return Promise.resolve(isSo() ? true : undefined);
  };
  await eventually(probe, { what: 'another count', timeoutMs: 30_000, intervalMs: 20 });
}
