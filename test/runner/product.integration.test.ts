import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ensureHelm, runHelm } from '../chart/helm.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/start.ts';
import { asAnybody } from '../world/installed-world.ts';
import { containerOf, conditionOf, shell, TestRunner, untilTerm } from './testing/test-runner.ts';

const checkout = join(import.meta.dirname, '..', '..');
const leaseList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).optional() }),
      spec: z.object({ holderIdentity: z.string().optional() }),
    }),
  ),
});
/** Helm may have to be built first. */
const installMs = 1_800_000;
const images = {
  'sap-ai-budget': { paths: { '/app': checkout }, programs: { node: process.execPath }, resolver: 'node' },
};

// Of its own, because the chart is installed for a whole cluster.
let controlPlane: ControlPlane;
let runner: TestRunner;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  runner = await TestRunner.start(controlPlane, { images });
}, installMs);
afterAll(async () => {
  await runner.stop();
  await controlPlane.stop();
});

test(
  'the chart as it is installs two operators that run here, are asked by the API server through their Service, find each other, and serve the sidecar that one of them has put into a pod',
  async () => {
    const helm = await ensureHelm(4, { say: console.error });
    const chart = join(checkout, 'charts', 'sap-ai-budget');
    const kubeconfig = controlPlane.kubeconfigPath('admin');
    const values = ['--set', `${asAnybody},operator.replicas=2`];
    const where = ['--namespace', runner.namespace, '--wait', '--timeout', '90s', ...values];
    const args = ['install', 'budget', chart, ...where];
    const installed = await runHelm(helm, args, { kubeconfig, home: runner.dir });
    expect(installed).toMatchObject({ exitCode: 0 });

    const labels = { 'sapai.eerly.ai/budget': 'chat' };
    const ready = await runner.until('a pod to be admitted', async () => {
      // Until the operator's certificate is in the webhook's configuration, nothing is admitted.
      await runner
        .createPod('app', { containers: [shell('main', `env; ${untilTerm}`)] }, labels)
        .catch(() => undefined);
      return (await runner.pod('app')) && runner.untilReady('app');
    });
    expect(conditionOf(ready, 'Initialized')).toBe('True');
    expect(containerOf(ready, 'sap-ai-budget')).toMatchObject({
      image: expect.stringMatching(/^sap-ai-budget:/),
      ready: true,
    });
    expect(await runner.untilLog(ready, 'sap-ai-budget', /configuration loaded/)).toContain('"chat"');
    expect(await runner.untilLog(ready, 'main', /runs/)).toContain(
      `AICORE_BASE_URL=http://${ready.status?.podIP}:15480/v2`,
    );
    await runner.until('both operators to show themselves, and one to lead', async () => {
      const { holders, origins } = await replicasOf(runner.namespace);
      return holders.length === 1 && new Set(origins).size === 2 ? true : undefined;
    });
  },
  installMs,
);

/** Who leads, and where the replicas are, by their Leases. */
async function replicasOf(namespace: string): Promise<{ holders: string[]; origins: string[] }> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const { items } = leaseList.parse((await controlPlane.call({ path })).body);
  const leader = items.filter(({ metadata }) => metadata.name === 'sap-ai-budget-operator');
  return {
    holders: leader.flatMap(({ spec }) => (spec.holderIdentity ? [spec.holderIdentity] : [])),
    origins: items.flatMap(({ metadata }) => metadata.annotations?.['sapai.eerly.ai/origin'] ?? []),
  };
}
