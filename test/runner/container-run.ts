import type { V1Container, V1Probe } from '@kubernetes/client-node';
import { backOffMs, type Clock, pause } from '../../operator/kube/clock.ts';
import { messageOf, RunnerError, type RunnerFailure } from './errors.ts';
import { watchHealth } from './health.ts';
import type { ContainerState, ContainerStatus, TerminatedState } from './kubernetes.ts';
import { isSidecar } from './lifecycle-rules.ts';
import { ask, type Asked, type Question } from './probe.ts';
import type { ProcessEnd, ProcessGroups, RunningProcess } from './processes.ts';

type ContainerLaunch = Asked['launch'];

/** Pauses before restarts; the kubelet doubles from ten seconds to five minutes. */
export interface BackOff {
  baseMs: number;
  maxMs: number;
}

/** A container of a pod, and what it runs in. */
export interface ContainerRunOptions {
  container: V1Container;
  podIp: string;
  /** Whether it is started again after it ended with this code. */
  restarts: (exitCode: number) => boolean;
  /** Turns it into a process; called before each start. Throws what belongs in its status. */
  prepare: (restartCount: number) => Promise<ContainerLaunch>;
  processes: ProcessGroups;
  clock: Clock;
  backOff: BackOff;
  /** How long it may take to end after SIGTERM when a probe had it restarted. */
  graceMs: number;
  /** What an earlier runner said of it. */
  previous?: ContainerStatus | undefined;
  /** Told whenever `status` gives something new. */
  onChange: (what: string) => void;
}

/** A container that ran this long before it ended starts its back-off anew. */
const goodRunMs = 600_000;
/** Why a container waits, by what failed. */
const waitingReasons: Partial<Record<RunnerFailure, string>> = {
  image_unknown: 'ErrImageNeverPull',
  reference_missing: 'CreateContainerConfigError',
};
const notYet = { reason: 'PodInitializing' };
const lost = 'the process ended with the runner that had started it';

/** One container over all its restarts. */
export class ContainerRun {
  readonly name: string;
  readonly #options: ContainerRunOptions;
  #state: ContainerState = { waiting: notYet };
  #last: TerminatedState | undefined;
  #restartCount: number;
  #failures = 0;
  #ready = false;
  #hasStarted = false;
  #process: { running: RunningProcess; launch: ContainerLaunch } | undefined;
  #deadlineMs: number | undefined;
  readonly #stopping = new AbortController();
  readonly #startedOnce = Promise.withResolvers<void>();
  #over: Promise<void> | undefined;

  constructor(options: ContainerRunOptions) {
    this.#options = options;
    this.name = options.container.name;
    this.#last = lastEnd(options.previous);
    this.#restartCount = (options.previous?.restartCount ?? 0) + (wasStarted(options.previous) ? 1 : 0);
  }

  /** Resolves when its startup probe has succeeded for the first time, or when it is over. */
  get started(): Promise<void> {
    return this.#startedOnce.promise;
  }

  get isSidecar(): boolean {
    return isSidecar(this.#options.container);
  }

  /** Whether it is to run again after it ended with this code. */
  restarts(exitCode: number): boolean {
    return this.#options.restarts(exitCode);
  }

  get exitCode(): number | undefined {
    return this.#state.terminated?.exitCode;
  }

  get status(): ContainerStatus {
    const { image = '' } = this.#options.container;
    const process = this.#process?.running;
    return {
      name: this.name,
      image,
      imageID: '',
      state: this.#state,
      ...(this.#last !== undefined &&
        this.#state.terminated !== this.#last && { lastState: { terminated: this.#last } }),
      ...(process !== undefined && { containerID: `process://${process.pid}` }),
      ready: this.#ready,
      started: this.#hasStarted,
      restartCount: this.#restartCount,
    };
  }

  /** Before it runs: what it waits for, beside the init containers before it. */
  waitsFor(message: string | undefined): void {
    this.#state = { waiting: message === undefined ? notYet : { reason: 'ContainerCreating', message } };
  }

  /** Runs it until it is not to be started again. Call it once. */
  run(): Promise<void> {
    this.#over ??= this.#run();
    return this.#over;
  }

  /** Takes over what an earlier runner saw of its end, instead of running it. */
  resume(end: TerminatedState): void {
    this.#restartCount = this.#options.previous?.restartCount ?? 0;
    this.#set({ terminated: end }, `ended with ${end.exitCode} before`);
    this.#startedOnce.resolve();
  }

  /** Ends it: its preStop hook, SIGTERM, SIGKILL after the grace period. A later call may only shorten that. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    const deadlineMs = this.#options.clock.nowMs() + graceMs;
    const isFirst = this.#deadlineMs === undefined;
    if (isFirst || deadlineMs < (this.#deadlineMs ?? 0)) {
      this.#deadlineMs = deadlineMs;
      this.#stopping.abort();
      if (this.#process !== undefined) this.#end(this.#process, { graceMs, ask: isFirst });
    }
    await this.#over;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const end = await this.#attempt();
      if (end === undefined || signal.aborted || !this.restarts(end.exitCode)) break;
      await this.#pauseBeforeRestart(end);
    }
    this.#startedOnce.resolve();
  }

  async #attempt(): Promise<TerminatedState | undefined> {
    const launch = await this.#prepared();
    if (launch === undefined) return undefined;
    const startedAt = now(this.#options.clock);
    const end = await this.#runOnce(launch, startedAt);
    const finishedAt = now(this.#options.clock);
    const terminated: TerminatedState = { ...end, startedAt, finishedAt };
    this.#last = terminated;
    this.#ready = false;
    this.#hasStarted = false;
    this.#set({ terminated }, `ended with ${end.exitCode}`);
    return terminated;
  }

  /** Tries until its configuration is complete; undefined if it is not to start any more. */
  async #prepared(): Promise<ContainerLaunch | undefined> {
    const { prepare, clock, backOff } = this.#options;
    for (let attempt = 1; !this.#stopping.signal.aborted; attempt += 1) {
      try {
        return await prepare(this.#restartCount);
      } catch (error) {
        const reason =
          (error instanceof RunnerError ? waitingReasons[error.reason] : undefined) ?? 'CreateContainerError';
        this.#set({ waiting: { reason, message: messageOf(error) } }, `${reason}: ${messageOf(error)}`);
        await pause(clock, backOffMs(attempt, { baseMs: 1000, maxMs: backOff.maxMs }), this.#stopping.signal);
      }
    }
    return undefined;
  }

  async #runOnce(
    launch: ContainerLaunch,
    startedAt: string,
  ): Promise<Omit<TerminatedState, 'startedAt' | 'finishedAt'>> {
    let running: RunningProcess;
    try {
      running = await this.#options.processes.start(launch);
    } catch (error) {
      return { exitCode: 128, reason: 'StartError', message: messageOf(error) };
    }
    this.#process = { running, launch };
    this.#set({ running: { startedAt } }, `runs as process ${running.pid}`);
    const watching = new AbortController();
    const watched = this.#watch(this.#process, watching.signal);
    if (this.#deadlineMs !== undefined) {
      this.#end(this.#process, { graceMs: this.#deadlineMs - this.#options.clock.nowMs(), ask: true });
    }
    const end = await running.ended;
    watching.abort();
    await watched;
    this.#process = undefined;
    return described(end);
  }

  #watch(process: { running: RunningProcess; launch: ContainerLaunch }, signal: AbortSignal): Promise<void> {
    const { container, clock, graceMs } = this.#options;
    const onUnhealthy = (probe: V1Probe, kind: string): void => {
      this.#options.onChange(`${kind} probe failed, restarting`);
      const own = probe.terminationGracePeriodSeconds;
      this.#end(process, { graceMs: own === undefined ? graceMs : own * 1000, ask: true });
    };
    return watchHealth({
      container,
      check: (probe, limit) => this.#ask(probe, process.launch, limit),
      clock,
      signal,
      events: {
        onStarted: () => {
          this.#hasStarted = true;
          this.#startedOnce.resolve();
          this.#options.onChange('has started');
        },
        onReady: (ready) => {
          if (ready === this.#ready) return;
          this.#ready = ready;
          this.#options.onChange(ready ? 'is ready' : 'is not ready');
        },
        onUnhealthy,
      },
    });
  }

  /** Without asking, only the time of its SIGKILL is set. */
  #end(
    { running, launch }: { running: RunningProcess; launch: ContainerLaunch },
    { graceMs, ask: asks }: { graceMs: number; ask: boolean },
  ): void {
    const { container, clock } = this.#options;
    const limit = new AbortController();
    const cancel = clock.after(Math.max(0, graceMs), () => {
      limit.abort();
      running.kill();
    });
    void running.ended.finally(() => {
      cancel();
      limit.abort();
    });
    if (!asks) return;
    const hook = container.lifecycle?.preStop;
    if (hook === undefined) running.terminate();
    else void this.#hook(hook, launch, limit.signal).then(running.terminate);
  }

  async #hook(hook: Question, launch: ContainerLaunch, signal: AbortSignal): Promise<void> {
    if (hook.sleep !== undefined) await pause(this.#options.clock, hook.sleep.seconds * 1000, signal);
    else await this.#ask(hook, launch, signal);
  }

  #ask(question: Question, launch: ContainerLaunch, signal: AbortSignal): Promise<boolean> {
    const { container, podIp, processes } = this.#options;
    return ask(question, { container, podIp, processes, launch }, signal);
  }

  async #pauseBeforeRestart(end: TerminatedState): Promise<void> {
    const { clock, backOff } = this.#options;
    const ranMs = Date.parse(end.finishedAt) - Date.parse(end.startedAt);
    this.#failures = ranMs >= goodRunMs ? 1 : this.#failures + 1;
    this.#restartCount += 1;
    // The first restart follows at once.
    if (this.#failures === 1) return;
    const delayMs = backOffMs(this.#failures - 1, backOff);
    const message = `back-off ${delayMs / 1000}s restarting failed container ${this.name}`;
    this.#set({ waiting: { reason: 'CrashLoopBackOff', message } }, message);
    await pause(clock, delayMs, this.#stopping.signal);
    if (this.#stopping.signal.aborted) this.#set({ terminated: end }, 'is not restarted');
  }

  #set(state: ContainerState, what: string): void {
    this.#state = state;
    this.#options.onChange(what);
  }
}

/** What an earlier runner's container has come to: its process went with the runner. */
export function lastEnd(previous: ContainerStatus | undefined): TerminatedState | undefined {
  const { terminated, running } = previous?.state ?? {};
  if (terminated !== undefined) return terminated;
  if (running === undefined) return previous?.lastState?.terminated;
  const { startedAt } = running;
  return { exitCode: 137, reason: 'ContainerStatusUnknown', message: lost, startedAt, finishedAt: startedAt };
}

function wasStarted(previous: ContainerStatus | undefined): boolean {
  return previous?.state.running !== undefined || previous?.state.terminated !== undefined;
}

function described({ exitCode, signal }: ProcessEnd): Omit<TerminatedState, 'startedAt' | 'finishedAt'> {
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return { exitCode, reason, ...(signal !== undefined && { signal }) };
}

function now(clock: Clock): string {
  return `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
}
