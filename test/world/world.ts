import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { eventually } from '../control-plane/eventually.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/start.ts';
import { Emulator, type EmulatorSettings } from './emulator.ts';
import { Application } from './application.ts';
import { Link } from './link.ts';
import { operatorNamespace } from './names.ts';
import { createPod, ensureNode, newAppKey, sayRunning } from './pods.ts';
import { checkout, Programs } from './programs.ts';
import { Replica } from './replica.ts';
import { applicationEnv, type Sidecar, sidecarPorts, startSidecar } from './sidecars.ts';

const budgetStatus = z.object({
  metadata: z.object({ generation: z.int() }),
  status: z.object({
    observedGeneration: z.int(),
    conditions: z.array(
      z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }),
    ),
  }),
});

export interface WorkloadOptions {
  namespace: string;
  name: string;
  budget: string;
  annotations?: Record<string, string>;
  /** Settings of the sidecar beside the ones it needs. */
  settings?: Record<string, string>;
}

/** A pod with its sidecar, and the environment of its application. */
export interface Workload {
  sidecar: Sidecar;
  env: Record<string, string>;
}

export interface WorldOptions {
  say?: (line: string) => void;
  /** Ends everything at once when it is aborted, whatever is waiting. */
  signal?: AbortSignal;
  emulator?: EmulatorSettings;
  /** Any free one unless given. */
  emulatorPort?: number;
  /** Settings of the operator beside the ones it needs here. */
  operatorSettings?: Record<string, string>;
  /** How many operators run side by side; 1 unless given. */
  operators?: number;
}

/** So many operators, and what stands before them if there are several. */
async function prepareReplicas(
  count: number,
  {
    controlPlane,
    ...rest
  }: { controlPlane: ControlPlane; programs: Programs; dir: string; settings: Record<string, string> },
): Promise<{ replicas: Replica[]; front: Link | undefined }> {
  const kubeconfig = controlPlane.kubeconfigPath('admin');
  const indexes = Array.from({ length: count }, (_, index) => index);
  const replicas = await Promise.all(indexes.map((index) => Replica.prepare({ ...rest, kubeconfig, index })));
  const front = count === 1 ? undefined : await Link.start(replicas.map(({ doorAt }) => doorAt));
  return { replicas, front };
}

/**
 * A control plane, SAP's stand-in and the operator, each a process of its own and started as a user would; what
 * happens between them goes through the API server and their sockets alone.
 */
export class World {
  readonly controlPlane: ControlPlane;
  readonly programs: Programs;
  readonly emulator: Emulator;
  readonly dir: string;
  /** Where sidecars find the operators: of several, any one of them. */
  readonly operatorUrl: string;
  /** The operators, the first one first. */
  readonly replicas: readonly Replica[];
  /** What sidecars reach several operators through. */
  readonly front: Link | undefined;
  readonly sidecars: Sidecar[] = [];
  readonly #applications: Application[] = [];

  private constructor(parts: {
    controlPlane: ControlPlane;
    programs: Programs;
    emulator: Emulator;
    dir: string;
    replicas: readonly Replica[];
    front: Link | undefined;
  }) {
    const { controlPlane, programs, emulator, dir, replicas, front } = parts;
    this.controlPlane = controlPlane;
    this.programs = programs;
    this.emulator = emulator;
    this.dir = dir;
    this.replicas = replicas;
    this.front = front;
    this.operatorUrl = front === undefined ? this.#first.url : `https://127.0.0.1:${front.port}`;
  }

  get #first(): Replica {
    const [first] = this.replicas;
    if (first === undefined) throw new RangeError('a world has an operator');
    return first;
  }

  /** Where the first operator's metrics and probes are. */
  get operatorAdminUrl(): string {
    return this.#first.adminUrl;
  }

  /** Starts everything up to a running operator; ends what it started if that fails. */
  static async start({
    say = () => {},
    signal,
    emulator: emulatorSettings = {},
    emulatorPort,
    operatorSettings: settings = {},
    operators = 1,
  }: WorldOptions = {}): Promise<World> {
    const dir = await mkdtemp(join(tmpdir(), 'sap-ai-budget-world-'));
    const programs = new Programs({ logDir: dir, removeAtEnd: dir });
    say('starting etcd, kube-apiserver and kube-controller-manager');
    const controlPlane = await startControlPlane({ say }).catch(async (error: unknown) => {
      await programs.stop();
      throw error;
    });
    try {
      say('starting the SAP emulator');
      const emulator = await Emulator.start(programs, {
        dir,
        settings: emulatorSettings,
        ...(emulatorPort !== undefined && { port: emulatorPort }),
      });
      const found = await prepareReplicas(operators, { controlPlane, programs, dir, settings });
      const world = new World({ controlPlane, programs, emulator, dir, ...found });
      await world.kubectl(['apply', '-f', join(checkout, 'crds', 'generated')]);
      await world.kubectl(['create', 'namespace', operatorNamespace]);
      await ensureNode(controlPlane);
      say('starting the operator');
      for (const replica of world.replicas) await replica.start();
      signal?.throwIfAborted();
      return world;
    } catch (error) {
      await programs.stop();
      await controlPlane.stop();
      throw error;
    }
  }

  /** Starts the first operator (again). */
  async startOperator(): Promise<void> {
    await this.#first.start();
  }

  /** Runs kubectl as the administrator; resolves to what it printed, rejects with what it complained about. */
  async kubectl(args: string[], input?: string): Promise<string> {
    const result = await this.controlPlane.kubectlRun(args, input === undefined ? {} : { input });
    if (result.exitCode !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${result.stderr}`);
    return result.stdout;
  }

  /** Applies objects as JSON, as `kubectl apply -f -` would from a file. */
  async apply(...objects: object[]): Promise<void> {
    await this.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    );
  }

  /** Waits until a condition of a budget's newest generation has this status; resolves to its reason and message. */
  async budgetCondition(
    budget: { namespace: string; name: string },
    type: string,
    status: 'True' | 'False',
  ): Promise<{ reason: string; message: string }> {
    const path = `/apis/sapai.eerly.ai/v1alpha1/namespaces/${budget.namespace}/sapaibudgets/${budget.name}`;
    let last = 'no status';
    const probe = async (): Promise<{ reason: string; message: string } | undefined> => {
      const found = budgetStatus.safeParse((await this.controlPlane.call({ path })).body);
      if (!found.success || found.data.status.observedGeneration !== found.data.metadata.generation)
        return undefined;
      last = JSON.stringify(found.data.status.conditions);
      return found.data.status.conditions.find(
        (condition) => condition.type === type && condition.status === status,
      );
    };
    const what = `${type}=${status} of budget ${budget.namespace}/${budget.name}`;
    return eventually(probe, { what, timeoutMs: 30_000 }).catch((error: unknown) => {
      throw new Error(`${String(error)}; last seen: ${last}`, { cause: error });
    });
  }

  /** Creates a pod that spends from a budget, starts its sidecar, and tells the environment of its application. */
  async startWorkload(options: WorkloadOptions): Promise<Workload> {
    const { namespace, name, budget, settings = {}, annotations = {} } = options;
    const [ports, appKey] = [await sidecarPorts(), newAppKey()];
    const env = applicationEnv({ ports, appKey, budget });
    const labels = { 'sapai.eerly.ai/budget': budget };
    const pod = await createPod(this.controlPlane, { namespace, name, labels, annotations, env, appKey });
    const { operatorUrl, dir } = this;
    const sidecar = await startSidecar(this, {
      pod,
      budget,
      ports,
      settings,
      operatorUrl,
      operatorNamespace,
      dir,
    });
    await sayRunning(this.controlPlane, pod);
    this.sidecars.push(sidecar);
    return { sidecar, env };
  }

  /** Starts the application of a workload; it ends with this world at the latest. */
  startApplication({ env }: Workload): Application {
    const application = new Application(env);
    this.#applications.push(application);
    return application;
  }

  /** Ends everything that was started; nothing is left behind. */
  async stop(): Promise<void> {
    await Promise.all(this.#applications.map((application) => application.stop()));
    await this.programs.stop();
    await Promise.all(this.replicas.map((replica) => replica.close()));
    await this.front?.stop();
    await this.controlPlane.stop();
  }
}
