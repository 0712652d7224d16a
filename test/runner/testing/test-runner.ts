import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeClient } from '../../../operator/kube/client.ts';
import { pods, type KubeDraft, type KubeObject, type Resource } from '../../../operator/kube/resource.ts';
import type { ControlPlaneAccess } from '../../control-plane/access.ts';
import { ChildProcesses } from '../../control-plane/child-processes.ts';
import { eventually } from '../../control-plane/eventually.ts';
import { type ContainerStatus, type Pod, uidOf } from '../kubernetes.ts';

/** An image whose commands are the machine's own. */
export const image = 'example.test/tools:1';
/** An image of Node programs, in which Service names resolve. */
export const nodeImage = 'example.test/node';
const program = 'runner';
const patienceMs = 60_000;

/** The runner as a process of its own, with a namespace whose pods only it runs. */
export class TestRunner {
  readonly controlPlane: ControlPlaneAccess;
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly nodeName: string;
  readonly dir: string;
  readonly #children: ChildProcesses;
  readonly #args: string[];

  private constructor(
    controlPlane: ControlPlaneAccess,
    place: { namespace: string; dir: string; args: string[] },
  ) {
    this.controlPlane = controlPlane;
    const config = new KubeConfig();
    config.loadFromFile(controlPlane.kubeconfigPath('admin'));
    this.kube = new KubeClient(config, { fieldManager: 'test' });
    this.namespace = place.namespace;
    this.nodeName = `runner-${randomBytes(4).toString('hex')}`;
    this.dir = place.dir;
    this.#args = place.args;
    this.#children = new ChildProcesses({ logDir: place.dir });
  }

  /** Starts one with these options beside the ones that every runner needs, and these images beside the tests' own. */
  static async start(
    controlPlane: ControlPlaneAccess,
    { args = [], images = {} }: { args?: string[]; images?: Record<string, unknown> } = {},
  ): Promise<TestRunner> {
    const dir = await mkdtemp(join(tmpdir(), 'runner-'));
    const namespace = await controlPlane.createNamespace({ prefix: 'runner' });
    const own = {
      'example.test/tools': { env: { OF_IMAGE: 'localhost' } },
      [nodeImage]: { resolver: 'node' },
    };
    await writeFile(join(dir, 'images.json'), JSON.stringify({ ...own, ...images }));
    const runner = new TestRunner(controlPlane, { namespace, dir, args });
    await runner.restart();
    return runner;
  }

  /** Starts the program, which must not run, and waits until it runs its pods. */
  async restart(): Promise<void> {
    const before = (await this.lines()).length;
    const main = join(import.meta.dirname, '..', 'main.ts');
    const own = [
      '--kubeconfig',
      this.controlPlane.kubeconfigPath('admin'),
      '--images',
      join(this.dir, 'images.json'),
    ];
    const where = ['--dir', join(this.dir, 'work'), '--node', this.nodeName, '--namespaces', this.namespace];
    await this.#children.start(program, process.execPath, [main, ...own, ...where, ...this.#args]);
    await this.until('the runner to run its pods', async () => {
      await this.#children.assertRunning();
      return (await this.lines()).slice(before).some((line) => line.endsWith('runs its pods')) || undefined;
    });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#children.kill(program);
  }

  /** SIGTERM. */
  async end(): Promise<void> {
    await this.#children.end(program, 30_000);
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await this.end();
    await this.kube.close();
    await this.#children.stop();
    await this.controlPlane.call({ method: 'DELETE', path: `/api/v1/nodes/${this.nodeName}` });
    await this.controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${this.namespace}` });
    await rm(this.dir, { recursive: true, force: true });
  }

  /** What it has printed. */
  async lines(): Promise<string[]> {
    const text = await readFile(this.#children.logFile(program), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  /** Creates an object in the namespace. */
  create<T extends KubeObject>(
    resource: Resource,
    object: KubeDraft & { metadata: { name: string } },
  ): Promise<T> {
    return this.kube.create<T>(resource, object, { namespace: this.namespace });
  }

  createPod(
    name: string,
    spec: Partial<V1PodSpec> & { containers: V1Container[] },
    labels = {},
  ): Promise<Pod> {
    const quick = { terminationGracePeriodSeconds: 5, automountServiceAccountToken: false };
    return this.create<Pod>(pods, { metadata: { name, labels }, spec: { ...quick, ...spec } });
  }

  deletePod(name: string): Promise<boolean> {
    return this.kube.delete(pods, { namespace: this.namespace, name });
  }

  pod(name: string): Promise<Pod | undefined> {
    return this.kube.get<Pod>(pods, { namespace: this.namespace, name });
  }

  /** Waits until a pod is as wanted, and gives it. */
  untilPod(name: string, what: string, isWanted: (pod: Pod) => boolean): Promise<Pod> {
    return this.until(`pod ${name} ${what}`, async () => {
      const pod = await this.pod(name);
      return pod !== undefined && isWanted(pod) ? pod : undefined;
    });
  }

  untilReady(name: string): Promise<Pod> {
    return this.untilPod(name, 'to be ready', (pod) => conditionOf(pod, 'Ready') === 'True');
  }

  untilGone(name: string): Promise<true> {
    return this.until(`pod ${name} to be gone`, async () =>
      (await this.pod(name)) === undefined ? true : undefined,
    );
  }

  /** What a container has printed in one of its starts; empty where it did not start. */
  async log(pod: Pod, container: string, start = 0): Promise<string> {
    const { namespace, name } = pod.metadata;
    const file = join(
      this.dir,
      'work',
      'logs',
      `${namespace}_${name}_${uidOf(pod)}`,
      container,
      `${start}.log`,
    );
    return readFile(file, 'utf8').catch(() => '');
  }

  untilLog(pod: Pod, container: string, pattern: RegExp, start = 0): Promise<string> {
    return this.until(`${container} to print ${pattern}`, async () => {
      const text = await this.log(pod, container, start);
      return pattern.test(text) ? text : undefined;
    });
  }

  until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    return eventually(probe, { what, timeoutMs: patienceMs });
  }
}

/** A container that runs a shell script. */
export function shell(name: string, script: string, more: Partial<V1Container> = {}): V1Container {
  return { name, image, command: ['/bin/sh', '-c', script], ...more };
}

/** A container that runs a program of Node. */
export function node(name: string, source: string, more: Partial<V1Container> = {}): V1Container {
  return { name, image, command: [process.execPath, '-e', source], ...more };
}

/** A shell script that goes on until it is asked to end, and says so then. */
export const untilTerm = `trap 'echo ends; exit 0' TERM; echo runs; while :; do sleep 0.05; done`;

/** Status of a condition. */
export function conditionOf(pod: Pod, type: string): string | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)?.status;
}

/** Status of a container, by its name. */
export function containerOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.find((container) => container.name === name);
}

/** The process that a container is. */
export function processOf(pod: Pod, name: string): number {
  return Number(containerOf(pod, name)?.containerID?.replace('process://', ''));
}

/** Whether a process runs; one that has ended and whose parent has not asked for it does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
