import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { readConfig } from '../../operator/config.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { createLog } from '../../operator/log.ts';
import { startOperator } from '../../operator/operator.ts';
import type { Operator } from '../../operator/operator.ts';
import { freePorts } from '../control-plane/ports.ts';
import { startControlPlane } from '../control-plane/start.ts';
import type { ControlPlane } from '../control-plane/start.ts';
import { ensureHelm, runHelm } from './helm.ts';

const chart = join(import.meta.dirname, '../../charts/sap-ai-budget');
const name = 'sap-ai-budget-operator';

const deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        serviceAccountName: z.string(),
        containers: z.array(
          z.object({ env: z.array(z.object({ name: z.string(), value: z.string().optional() })) }),
        ),
      }),
    }),
  }),
});

/** An operator in this process that was installed by the chart: its settings and its rights are those of the Deployment. */
export interface InstalledOperator {
  controlPlane: ControlPlane;
  operator: Operator;
  /** With all rights, for the test itself. */
  kube: KubeClient;
  namespace: string;
  credentialNamespace: string;
  logged: string[];
  stop: () => Promise<void>;
}

/** Installs the chart into a control plane of its own, and runs the operator as the Deployment would, but for addresses. */
export async function installOperator(): Promise<InstalledOperator> {
  const controlPlane = await startControlPlane();
  const home = await mkdtemp(join(tmpdir(), 'sap-ai-budget-chart-'));
  const namespace = await controlPlane.createNamespace({ prefix: 'release' });
  const credentialNamespace = await controlPlane.createNamespace({ prefix: 'credentials' });
  const [sidecars = 0, webhook = 0] = await freePorts(2);
  const values = [
    `--set=credentialNamespaces={${credentialNamespace}}`,
    `--set=sidecar.operatorUrl=https://localhost:${sidecars}`,
    `--set=webhook.url=https://127.0.0.1:${webhook}`,
    '--set=operator.logLevel=debug',
  ];
  const args = ['install', 'budgets', chart, `--namespace=${namespace}`, ...values];
  const kubeconfig = controlPlane.kubeconfigPath('admin');
  const helm = await ensureHelm(4, { say: console.error });
  const { exitCode, stderr } = await runHelm(helm, args, { kubeconfig, home });
  if (exitCode !== 0) throw new Error(stderr);
  await rm(home, { recursive: true, force: true });
  const addresses = {
    SAPAIBUDGET_NAMESPACE: namespace,
    SAPAIBUDGET_LISTEN: `127.0.0.1:${sidecars}`,
    SAPAIBUDGET_ADMIN_LISTEN: '127.0.0.1:0',
    SAPAIBUDGET_WEBHOOK_LISTEN: `127.0.0.1:${webhook}`,
  };
  const config = readConfig({ ...(await settingsOf(controlPlane, namespace)), ...addresses });
  const stop = new AbortController();
  const logged: string[] = [];
  const operator = await startOperator({
    config,
    kubeConfig: await configOf(controlPlane, namespace),
    log: createLog('debug', { write: (line) => logged.push(line) }),
    version: 'test',
    signal: stop.signal,
  });
  const admin = new KubeConfig();
  admin.loadFromFile(kubeconfig);
  const kube = new KubeClient(admin, { fieldManager: 'test' });
  const end = async (): Promise<void> => {
    stop.abort(new Error('the test is over'));
    await operator.stopped;
    await kube.close();
    await controlPlane.stop();
  };
  return { controlPlane, operator, kube, namespace, credentialNamespace, logged, stop: end };
}

async function settingsOf(controlPlane: ControlPlane, namespace: string): Promise<Record<string, string>> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const { spec } = deployment.parse((await controlPlane.call({ path })).body).spec.template;
  if (spec.serviceAccountName !== name) throw new Error(`runs as ${spec.serviceAccountName}`);
  const env = spec.containers[0]?.env ?? [];
  return Object.fromEntries(
    env.flatMap((entry) => (entry.value === undefined ? [] : [[entry.name, entry.value]])),
  );
}

/** As the Deployment's pod would reach the API server: with the token of its ServiceAccount and nothing else. */
async function configOf(controlPlane: ControlPlane, namespace: string): Promise<KubeConfig> {
  const request = { namespace, serviceAccount: name, expirationSeconds: 3600 };
  const token = await controlPlane.serviceAccountToken(request);
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'cluster', server: controlPlane.url, caFile: controlPlane.caFile, skipTLSVerify: false },
    { name: 'operator', token },
  );
  return config;
}
