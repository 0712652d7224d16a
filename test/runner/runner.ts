import { randomInt } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeClient } from '../../operator/kube/client.ts';
import type { Clock } from '../../operator/kube/clock.ts';
import { Informer } from '../../operator/kube/informer.ts';
import { pods } from '../../operator/kube/resource.ts';
import { aborted } from './aborted.ts';
import { PodAddresses } from './addresses.ts';
import { bindPods } from './binder.ts';
import type { RunnerConfig } from './config.ts';
import { contentReader } from './content.ts';
import { messageOf } from './errors.ts';
import type { ImageMap } from './images.ts';
import { serveLogs } from './logs-server.ts';
import { isOver, type Pod, uidOf } from './kubernetes.ts';
import { keepNode, maxPods, registerNode } from './node.ts';
import { PodRun, type PodWorld } from './pod-run.ts';
import { ProcessGroups } from './processes.ts';
import { Services } from './services.ts';

/** What a runner needs. */
export interface RunnerOptions {
  kube: KubeClient;
  /** URL of the API server. */
  apiServer: string;
  images: ImageMap;
  config: RunnerConfig;
  /** Removed at the end. */
  memoryDir: string;
  clock: Clock;
  say: (line: string) => void;
}

/** A node whose pods' containers are processes of this machine. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #processes: ProcessGroups;
  readonly #services: Services;
  readonly #addresses = new PodAddresses(randomInt);
  readonly #runs = new Map<string, PodRun>();
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { kube, say, memoryDir } = options;
    this.#processes = new ProcessGroups({ removeAtEnd: [memoryDir] });
    const backends = () => [...this.#runs.values()];
    this.#services = new Services({ kube, backends, say, file: this.#servicesFile });
  }

  /** Runs until the signal fires, then ends all that it has started. */
  async run(signal: AbortSignal): Promise<void> {
    const { kube, clock, say, config } = this.#options;
    const following = new AbortController();
    const services = this.#services.run(following.signal);
    try {
      // They go on while pods end: what ends may have something to say to another.
      await Promise.race([this.#services.synced, aborted(signal)]);
      signal.throwIfAborted();
      const node = {
        kube,
        clock,
        say,
        name: config.nodeName,
        logsPort: await this.#serveLogs(following.signal),
      };
      await registerNode(node, signal);
      const bind = {
        kube,
        clock,
        say,
        nodeName: config.nodeName,
        namespaces: config.namespaces,
        hasRoom: () => this.#hasRoom(),
      };
      await Promise.all([keepNode(node, signal), this.#runPods(signal), bindPods(bind, signal)]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await this.#stop();
      following.abort();
      await services;
    }
  }

  #hasRoom(): boolean {
    return [...this.#runs.values()].filter(({ pod }) => !isOver(pod)).length < maxPods;
  }

  async #serveLogs(signal: AbortSignal): Promise<number | undefined> {
    const { clock, config } = this.#options;
    if (config.logsPort === undefined) return undefined;
    const isRunning = (namespace: string, name: string, container: string): boolean =>
      [...this.#runs.values()].some((run) => {
        const { metadata } = run.pod;
        return metadata.name === name && metadata.namespace === namespace && run.isRunning(container);
      });
    return serveLogs({ logDir: this.#logDir, port: config.logsPort, clock, isRunning }, signal);
  }

  async #runPods(signal: AbortSignal): Promise<void> {
    const { kube, config, say } = this.#options;
    const informer = new Informer<Pod>({
      kube,
      resource: pods,
      fieldSelector: `spec.nodeName=${config.nodeName}`,
    });
    const world = this.#world(new AbortController().signal);
    const running = informer.run(signal);
    await Promise.race([informer.synced, running]);
    if (signal.aborted) return;
    await this.#removeLeftovers(informer.list().map(uidOf));
    informer.onChange(({ type, object }) => {
      if (type === 'deleted') this.#forget(object);
      else this.#take(object, world);
      this.#services.podsChanged();
    });
    say(`node ${config.nodeName}: runs its pods`);
    await running;
  }

  #take(pod: Pod, world: PodWorld): void {
    const uid = uidOf(pod);
    const known = this.#runs.get(uid);
    if (known !== undefined) known.update(pod);
    else if (!isOver(pod))
      this.#runs.set(uid, new PodRun(pod, this.#addresses.take(uid, pod.status?.podIP), world));
  }

  #forget(pod: Pod): void {
    const uid = uidOf(pod);
    const run = this.#runs.get(uid);
    const { dir, memoryDir } = this.#places();
    const gone = (async () => {
      await run?.stopSilently(0);
      this.#runs.delete(uid);
      this.#addresses.release(uid);
      await Promise.all(
        [dir, memoryDir].map((each) => rm(join(each, uid), { recursive: true, force: true })),
      );
      this.#options.say(`pod ${pod.metadata.namespace}/${pod.metadata.name}: gone`);
    })().catch((error: unknown) => this.#options.say(`pod ${uid}: ${messageOf(error)}`));
    this.#leaving.add(gone);
    void gone.then(() => this.#leaving.delete(gone));
  }

  /** Directories of pods that went while no runner watched. */
  async #removeLeftovers(known: string[]): Promise<void> {
    const { dir } = this.#places();
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const left = (await readdir(dir)).filter((uid) => !known.includes(uid));
    await Promise.all(left.map((uid) => rm(join(dir, uid), { recursive: true, force: true })));
  }

  async #stop(): Promise<void> {
    const { say, config } = this.#options;
    say(`node ${config.nodeName}: ends its pods`);
    await Promise.all([...this.#runs.values()].map((run) => run.stopSilently(config.shutdownMs)));
    await Promise.all(this.#leaving);
    await this.#processes.stop();
    say(`node ${config.nodeName}: nothing runs any more`);
  }

  get #logDir(): string {
    return join(this.#options.config.dir, 'logs');
  }

  get #servicesFile(): string {
    return join(this.#options.config.dir, 'services.json');
  }

  #places(): { dir: string; memoryDir: string } {
    return { dir: join(this.#options.config.dir, 'pods'), memoryDir: this.#options.memoryDir };
  }

  #world(signal: AbortSignal): PodWorld {
    const { kube, apiServer, images, clock, say, config } = this.#options;
    const { backOff, refreshMs, tokenMaxAgeMs } = config;
    return {
      ...this.#places(),
      kube,
      apiServer,
      images,
      clock,
      say,
      backOff,
      refreshMs,
      tokenMaxAgeMs,
      processes: this.#processes,
      readContent: contentReader(kube, signal),
      serviceAddress: (namespace, service) => this.#services.addressOf(namespace, service),
      servicesFile: this.#servicesFile,
      logDir: this.#logDir,
    };
  }
}
