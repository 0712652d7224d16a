import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container } from '@kubernetes/client-node';
import type { KubeClient } from '../../operator/kube/client.ts';
import { type Clock, pause } from '../../operator/kube/clock.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import { pods } from '../../operator/kube/resource.ts';
import { aborted } from './aborted.ts';
import { ContainerRun, lastEnd, type BackOff } from './container-run.ts';
import type { ReadContent } from './content.ts';
import { messageOf } from './errors.ts';
import type { ImageMap } from './images.ts';
import { type ContainerStatus, isBeingDeleted, type Pod, type PodCondition, uidOf } from './kubernetes.ts';
import { launchOf } from './launch.ts';
import { deletionGraceMs, graceMsOf, restartsAfter } from './lifecycle-rules.ts';
import { podStatus } from './pod-status.ts';
import { PodVolumes } from './pod-volumes.ts';
import type { ProcessGroups } from './processes.ts';
import { StatusWriter } from './status-writer.ts';
import { PodTokens } from './tokens.ts';
import type { VolumeSources } from './volume-content.ts';

/** What all pods of a runner share. */
export interface PodWorld {
  kube: KubeClient;
  processes: ProcessGroups;
  images: ImageMap;
  clock: Clock;
  readContent: ReadContent;
  serviceAddress: (namespace: string, service: string) => string | undefined;
  servicesFile: string;
  apiServer: string;
  /** Of all pods' volumes. */
  dir: string;
  memoryDir: string;
  /** Of all containers' logs; they outlive their pods. */
  logDir: string;
  backOff: BackOff;
  /** How often volumes are compared with their sources. */
  refreshMs: number;
  tokenMaxAgeMs: number;
  /** One line per change of a pod. */
  say: (line: string) => void;
}

const mountRetryMs = 1000;

/** One pod from its binding to its end. Its containers exist only here; what they are comes from the API server's object alone. */
export class PodRun {
  readonly podIp: string;
  /** Resolves when nothing of it runs any more and the API server knows. */
  readonly over: Promise<void>;
  #pod: Pod;
  readonly #world: PodWorld;
  readonly #volumes: PodVolumes;
  readonly #tokens: PodTokens;
  readonly #init: ContainerRun[];
  readonly #main: ContainerRun[];
  readonly #status: StatusWriter;
  /** Fires when it has to end. */
  readonly #ending = new AbortController();
  /** Fires when the API server is not to be told any more. */
  readonly #silent = new AbortController();
  readonly #startTime: string;
  #conditions: PodCondition[];
  #deadlineMs: number | undefined;
  #isInitialized = false;
  #end: 'Succeeded' | 'Failed' | undefined;
  #isConcluded = false;

  constructor(pod: Pod, podIp: string, world: PodWorld) {
    this.#pod = pod;
    this.podIp = podIp;
    this.#world = world;
    const uid = uidOf(pod);
    const places = { dir: join(world.dir, uid), memoryDir: join(world.memoryDir, uid) };
    this.#volumes = new PodVolumes(pod.spec.volumes ?? [], places);
    const { kube, clock, tokenMaxAgeMs: maxAgeMs } = world;
    this.#tokens = new PodTokens({ kube, clock, pod, maxAgeMs, signal: this.#silent.signal });
    this.#startTime = pod.status?.startTime ?? this.#now();
    this.#conditions = pod.status?.conditions ?? [];
    const { initContainers = [], containers } = pod.spec;
    this.#init = initContainers.map((each) => this.#containerRun(each, pod.status?.initContainerStatuses));
    this.#main = containers.map((each) => this.#containerRun(each, pod.status?.containerStatuses));
    this.#status = new StatusWriter({
      write: () => this.#writeStatus(),
      clock,
      signal: this.#silent.signal,
      onFailure: (error) => this.#say(`status not written: ${messageOf(error)}`),
    });
    this.over = this.#run();
    this.update(pod);
  }

  /** True once it serves: what a Service sends connections to. */
  get isReady(): boolean {
    const [sidecars] = this.#bySidecar();
    return !this.#ending.signal.aborted && [...sidecars, ...this.#main].every(({ status }) => status.ready);
  }

  /** Whether a container of this name runs now. */
  isRunning(container: string): boolean {
    return [...this.#init, ...this.#main].some(
      ({ name, status }) => name === container && status.state.running,
    );
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** Takes a newer state of the object: perhaps it is to be deleted, or sooner than before. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (!isBeingDeleted(pod)) return;
    // It ended by itself while somebody asked for its deletion.
    if (this.#isConcluded) void this.#confirmDeletion();
    this.#stop(deletionGraceMs(pod));
  }

  /** Ends it without a word to the API server: the object is gone, or this runner goes. Resolves when nothing runs any more. */
  async stopSilently(graceMs: number): Promise<void> {
    this.#silent.abort();
    this.#stop(graceMs);
    await this.over;
  }

  /** Deletes its directories. */
  async remove(): Promise<void> {
    await this.#volumes.remove();
  }

  #stop(graceMs: number): void {
    const deadlineMs = this.#world.clock.nowMs() + graceMs;
    if (this.#deadlineMs !== undefined && deadlineMs >= this.#deadlineMs) return;
    this.#deadlineMs = deadlineMs;
    if (!this.#ending.signal.aborted) this.#say(`ends within ${graceMs / 1000} s`);
    this.#ending.abort();
    // Sidecars serve the others to their end; at the deadline they go like everybody.
    const [sidecars, others] = this.#bySidecar();
    for (const each of others) void each.stop(graceMs);
    const cancel = this.#world.clock.after(graceMs, () => sidecars.forEach((each) => void each.stop(0)));
    void this.over.then(cancel);
  }

  async #run(): Promise<void> {
    // So that the constructor has ended.
    await Promise.resolve();
    const refreshing = new AbortController();
    let refreshed: Promise<void> = Promise.resolve();
    if (await this.#mount()) {
      refreshed = this.#refresh(refreshing.signal);
      const initialized = await this.#runInit();
      if (initialized) await this.#runMain();
    }
    await this.#stopSidecars();
    refreshing.abort();
    await refreshed;
    await this.#conclude();
  }

  async #mount(): Promise<boolean> {
    const { clock, dir, memoryDir } = this.#world;
    await Promise.all([dir, memoryDir].map((each) => mkdir(each, { recursive: true, mode: 0o700 })));
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await this.#volumes.write(this.#sources());
        this.#waitsFor(undefined);
        return true;
      } catch (error) {
        if (signal.aborted) break;
        this.#say(`volumes are not ready: ${messageOf(error)}`);
        this.#waitsFor(`volumes are not ready: ${messageOf(error)}`);
        await pause(clock, mountRetryMs, signal);
      }
    }
    return false;
  }

  /** Shows in the status what everything waits for. */
  #waitsFor(message: string | undefined): void {
    for (const each of [...this.#init, ...this.#main]) each.waitsFor(message);
    this.#status.changed();
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    const { clock, refreshMs } = this.#world;
    for (;;) {
      await pause(clock, refreshMs, signal);
      if (signal.aborted) return;
      try {
        for (const name of await this.#volumes.write(this.#sources()))
          this.#say(`volume ${name} has new content`);
      } catch (error) {
        if (!signal.aborted) this.#say(`volumes stay as they were: ${messageOf(error)}`);
      }
    }
  }

  /** Init containers in their order; false if the pod ends before it is through. */
  async #runInit(): Promise<boolean> {
    for (const each of this.#init) {
      if (this.#ending.signal.aborted) return false;
      if (each.isSidecar) {
        void each.run();
        await Promise.race([each.started, aborted(this.#ending.signal)]);
        continue;
      }
      await each.run();
      if (each.exitCode !== 0) return false;
    }
    return !this.#ending.signal.aborted;
  }

  async #runMain(): Promise<void> {
    this.#isInitialized = true;
    await Promise.all(this.#main.map((each) => this.#runOrResume(each)));
  }

  /** After a restart of the runner, what had ended for good is not run again. */
  async #runOrResume(each: ContainerRun): Promise<void> {
    const previous = this.#pod.status?.containerStatuses?.find(({ name }) => name === each.name);
    const end = previous?.state.waiting === undefined ? lastEnd(previous) : undefined;
    if (end !== undefined && !each.restarts(end.exitCode)) each.resume(end);
    else await each.run();
  }

  async #stopSidecars(): Promise<void> {
    const { clock } = this.#world;
    this.#deadlineMs ??= clock.nowMs() + graceMsOf(this.#pod);
    const [sidecars] = this.#bySidecar();
    for (const each of sidecars.reverse()) await each.stop(Math.max(0, this.#deadlineMs - clock.nowMs()));
  }

  async #conclude(): Promise<void> {
    const [, others] = this.#bySidecar();
    const failed = others.some(({ exitCode }) => exitCode !== 0);
    this.#end = failed ? 'Failed' : 'Succeeded';
    this.#say(`is over: ${this.#end}`);
    this.#status.changed();
    await this.#status.flushed();
    this.#isConcluded = true;
    if (isBeingDeleted(this.#pod)) await this.#confirmDeletion();
  }

  /** What the API server has waited for. */
  async #confirmDeletion(): Promise<void> {
    const { kube, clock } = this.#world;
    const { name, namespace } = this.#pod.metadata;
    const { signal } = this.#silent;
    const preconditions = { uid: uidOf(this.#pod) };
    while (!signal.aborted) {
      try {
        await kube.delete(pods, { namespace, name, gracePeriodSeconds: 0, preconditions, signal });
        return;
      } catch (error) {
        // Another pod of this name: ours is gone.
        if (signal.aborted || isKubeError(error, 'Conflict')) return;
        this.#say(`deletion not confirmed: ${messageOf(error)}`);
        await pause(clock, mountRetryMs, signal);
      }
    }
  }

  #containerRun(container: V1Container, previous: ContainerStatus[] | undefined): ContainerRun {
    const { processes, clock, backOff } = this.#world;
    return new ContainerRun({
      container,
      podIp: this.podIp,
      restarts: (exitCode) => restartsAfter(exitCode, this.#pod, container),
      prepare: (restartCount) => this.#prepare(container, restartCount),
      processes,
      clock,
      backOff,
      graceMs: graceMsOf(this.#pod),
      previous: previous?.find(({ name }) => name === container.name),
      onChange: (what) => {
        this.#say(`${container.name} ${what}`);
        this.#status.changed();
      },
    });
  }

  async #prepare(container: V1Container, restartCount: number): ReturnType<typeof launchOf> {
    const { dir, logDir, images, serviceAddress, servicesFile, apiServer } = this.#world;
    const { name, namespace = '' } = this.#pod.metadata;
    const logs = join(logDir, `${namespace}_${name}_${uidOf(this.#pod)}`, container.name);
    await mkdir(logs, { recursive: true });
    return launchOf(container, {
      ...this.#sources(),
      images,
      volumes: this.#volumes,
      serviceAddress,
      servicesFile,
      apiServer,
      containerDir: join(dir, uidOf(this.#pod), 'containers', container.name),
      logFile: join(logs, `${restartCount}.log`),
    });
  }

  #sources(): VolumeSources {
    return { pod: this.#pod, podIp: this.podIp, readContent: this.#world.readContent, tokens: this.#tokens };
  }

  async #writeStatus(): Promise<'written' | 'gone'> {
    const { kube } = this.#world;
    const { name, namespace } = this.#pod.metadata;
    const status = podStatus({
      pod: this.#pod,
      podIp: this.podIp,
      startTime: this.#startTime,
      init: this.#init.map((each) => each.status),
      main: this.#main.map((each) => each.status),
      initialized: this.#isInitialized,
      over: this.#end,
      previous: this.#conditions,
      now: this.#now(),
    });
    this.#conditions = status.conditions ?? [];
    // The uid is a precondition: a new pod of the same name is another pod.
    const metadata = { name, ...(namespace !== undefined && { namespace }), uid: uidOf(this.#pod) };
    try {
      await kube.applyStatus(pods, { metadata, status }, { signal: this.#silent.signal });
      return 'written';
    } catch (error) {
      if (isKubeError(error, 'NotFound', 'Conflict')) return 'gone';
      throw error;
    }
  }

  #bySidecar(): [ContainerRun[], ContainerRun[]] {
    const sidecars = this.#init.filter((each) => each.isSidecar);
    const others = this.#init.filter((each) => !each.isSidecar);
    return [sidecars, [...others, ...this.#main]];
  }

  #now(): string {
    return `${new Date(this.#world.clock.nowMs()).toISOString().slice(0, 19)}Z`;
  }

  #say(what: string): void {
    const { namespace, name } = this.#pod.metadata;
    this.#world.say(`pod ${namespace}/${name}: ${what}`);
  }
}
