import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ensureHelm, runHelm } from '../chart/helm.ts';
import { eventually } from '../control-plane/eventually.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/start.ts';
import { Emulator } from './emulator.ts';
import { checkout, Programs } from './programs.ts';
import { operatorNamespace } from './names.ts';

const release = 'budgets';
/** Where Services are loopback addresses, only root may listen on their ports below 1024. */
export const asAnybody = 'webhook.servicePort=9445';
const helmMajor = 4;

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), uid: z.string(), deletionTimestamp: z.string().optional() }),
      spec: z.object({
        initContainers: z.array(z.object({ name: z.string(), image: z.string() })).optional(),
        containers: z.array(
          z.object({
            name: z.string(),
            env: z.array(z.object({ name: z.string(), value: z.string().optional() })).optional(),
          }),
        ),
      }),
      status: z.object({
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional(),
      }),
    }),
  ),
});

/** A pod as the API server holds it. */
export type RunningPod = z.infer<typeof podList>['items'][number];

export interface InstalledOptions {
  say: (line: string) => void;
  signal: AbortSignal;
  emulatorPort: number;
  /** Namespaces whose budgets name Secrets. */
  credentialNamespaces: string[];
  /** Without it nothing installs the product. */
  installChart: boolean;
}

/**
 * A control plane, SAP's stand-in outside the cluster, and a runner in place of a kubelet. Everything else, the operator
 * included, runs because an object of the API server says so; the chart is installed as anybody would.
 */
export class InstalledWorld {
  readonly controlPlane: ControlPlane;
  readonly programs: Programs;
  readonly emulator: Emulator;
  readonly dir: string;

  private constructor(parts: {
    controlPlane: ControlPlane;
    programs: Programs;
    emulator: Emulator;
    dir: string;
  }) {
    this.controlPlane = parts.controlPlane;
    this.programs = parts.programs;
    this.emulator = parts.emulator;
    this.dir = parts.dir;
  }

  /** Starts everything up to an installed chart; ends what it started if that fails. */
  static async start(options: InstalledOptions): Promise<InstalledWorld> {
    const { say, signal, emulatorPort } = options;
    const dir = await mkdtemp(join(tmpdir(), 'sap-ai-budget-world-'));
    const programs = new Programs({ logDir: dir, removeAtEnd: dir });
    const helm = await ensureHelm(helmMajor, { say });
    say('starting etcd, kube-apiserver and kube-controller-manager');
    const controlPlane = await startControlPlane({ say }).catch(async (error: unknown) => {
      await programs.stop();
      throw error;
    });
    try {
      say('starting the SAP emulator, outside the cluster');
      const emulator = await Emulator.start(programs, { dir, settings: {}, port: emulatorPort });
      const world = new InstalledWorld({ controlPlane, programs, emulator, dir });
      say('starting the runner, in place of a kubelet');
      await world.#startRunner();
      for (const namespace of options.credentialNamespaces)
        await world.kubectl(['create', 'namespace', namespace]);
      if (options.installChart) await world.#installChart(helm, options);
      signal.throwIfAborted();
      return world;
    } catch (error) {
      await programs.stop();
      await controlPlane.stop();
      throw error;
    }
  }

  /** Runs kubectl as the administrator; resolves to what it printed, rejects with what it complained about. */
  async kubectl(args: string[], input?: string): Promise<string> {
    const result = await this.controlPlane.kubectlRun(args, input === undefined ? {} : { input });
    if (result.exitCode !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${result.stderr}`);
    return result.stdout;
  }

  /** The ready pod with a label `app` of this value. Rejects when there is none in time, with what the namespace says. */
  async readyPod(namespace: string, app: string, timeoutMs = 60_000): Promise<RunningPod> {
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`;
    const probe = async (): Promise<RunningPod | undefined> => {
      const { items } = podList.parse((await this.controlPlane.call({ path })).body);
      return items.find(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      );
    };
    const what = `a ready pod of ${app} in ${namespace}`;
    return eventually(probe, { what, timeoutMs }).catch(async (error: unknown) => {
      const events = await this.kubectl(['get', 'events', '-n', namespace, '--sort-by=.lastTimestamp']);
      throw new Error(`${String(error)}; last events:\n${events.split('\n').slice(-6).join('\n')}`, {
        cause: error,
      });
    });
  }

  /** Everything a container of a pod has printed. */
  async logs(namespace: string, pod: string, container: string): Promise<string> {
    return this.kubectl(['logs', '-n', namespace, pod, '-c', container]);
  }

  /** Ends everything that was started; nothing is left behind. */
  async stop(): Promise<void> {
    await this.programs.end('runner');
    await this.programs.stop();
    await this.controlPlane.stop();
  }

  async #startRunner(): Promise<void> {
    const app = { paths: { '/app': checkout }, programs: { node: process.execPath }, resolver: 'node' };
    const images = join(this.dir, 'images.json');
    await writeFile(images, JSON.stringify({ 'sap-ai-budget': app, 'demo-applications': app }));
    const args = ['--kubeconfig', this.controlPlane.kubeconfigPath('admin'), '--images', images];
    const where = ['--dir', join(this.dir, 'runner'), '--logs-port', '0', '--refresh-seconds', '2'];
    await this.programs.start({
      name: 'runner',
      entry: 'test/runner/main.ts',
      args: [...args, ...where],
      env: {},
    });
    const probe = async (): Promise<true | undefined> =>
      (await this.programs.log('runner')).includes('runs its pods') ? true : undefined;
    await eventually(probe, { what: 'the runner to run its pods', timeoutMs: 60_000 });
  }

  async #installChart(helm: string, { say, credentialNamespaces }: InstalledOptions): Promise<void> {
    const chart = join(checkout, 'charts', 'sap-ai-budget');
    const values = ['--set', `credentialNamespaces={${credentialNamespaces.join(',')}},${asAnybody}`];
    const where = ['--namespace', operatorNamespace, '--create-namespace', '--wait', '--timeout', '90s'];
    say(`helm install ${release} charts/sap-ai-budget ${values.join(' ')} ${where.join(' ')}`);
    const kubeconfig = this.controlPlane.kubeconfigPath('admin');
    const result = await runHelm(helm, ['install', release, chart, ...values, ...where], {
      kubeconfig,
      home: this.dir,
    });
    if (result.exitCode !== 0) throw new Error(`helm install failed: ${result.stderr}`);
  }
}
