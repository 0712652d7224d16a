import type { Clock } from './clock.ts';
import type { WorkQueue } from './queue.ts';

/**
 * How a reconcile ended. `done`: the object is as wanted; looked at again after `requeueAfterMs` if given. `waiting`: something
 * outside is not there yet. `stalled`: nothing will help but a change of the object, so it is not tried again until then. What is
 * thrown is tried again with a growing delay.
 */
export type Outcome =
  | { state: 'done'; requeueAfterMs?: number }
  | { state: 'waiting'; requeueAfterMs: number; reason: string }
  | { state: 'stalled'; reason: string };

/** One reconcile as metrics and logs see it. */
export interface ReconcileReport {
  key: string;
  result: Outcome['state'] | 'error';
  durationMs: number;
  /** Set with `error`: what was thrown, and when it is tried again. */
  error?: unknown;
  retryAfterMs?: number;
}

/** Settings of a controller. */
export interface ControllerOptions {
  queue: WorkQueue;
  /** Brings one object to its wanted state; must be idempotent and end when its signal fires. */
  reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  clock: Clock;
  /** Stops the controller: no key is taken any more. */
  signal: AbortSignal;
  workers?: number;
  /** Longest reconcile; its signal fires after that. */
  timeoutMs?: number;
  /** What running reconciles may still take after the stop, before their signal fires. */
  drainMs?: number;
  /** Told of each reconcile. Must not throw: that ends the controller. */
  onReconcile?: (report: ReconcileReport) => void;
}

/** Works on the queue until the signal fires; resolves when the last reconcile has ended. Closes the queue. */
export async function runController(options: ControllerOptions): Promise<void> {
  const { queue, clock, signal, workers = 2, drainMs = 5_000 } = options;
  const drained = new AbortController();
  let cancelDrain: (() => void) | undefined;
  const stop = (): void => {
    queue.close();
    cancelDrain = clock.after(drainMs, () => drained.abort(signal.reason));
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(Array.from({ length: workers }, () => work(options, drained.signal)));
  } finally {
    signal.removeEventListener('abort', stop);
    cancelDrain?.();
  }
}

async function work(options: ControllerOptions, drained: AbortSignal): Promise<void> {
  const { queue, onReconcile } = options;
  for (;;) {
    const key = await queue.take();
    if (key === undefined) return;
    try {
      onReconcile?.(await reconcileOnce(key, options, drained));
    } finally {
      queue.done(key);
    }
  }
}

async function reconcileOnce(
  key: string,
  { queue, reconcile, clock, timeoutMs = 120_000 }: ControllerOptions,
  drained: AbortSignal,
): Promise<ReconcileReport> {
  const startedMs = clock.nowMs();
  const limit = new AbortController();
  const forward = (): void => limit.abort(drained.reason);
  drained.addEventListener('abort', forward, { once: true });
  const cancel = clock.after(timeoutMs, () =>
    limit.abort(new Error(`the reconcile took longer than ${timeoutMs} ms`)),
  );
  try {
    const outcome = await reconcile(key, limit.signal);
    schedule(queue, key, outcome);
    return { key, result: outcome.state, durationMs: clock.nowMs() - startedMs };
  } catch (error) {
    const retryAfterMs = queue.addFailed(key);
    return { key, result: 'error', durationMs: clock.nowMs() - startedMs, error, retryAfterMs };
  } finally {
    cancel();
    drained.removeEventListener('abort', forward);
  }
}

function schedule(queue: WorkQueue, key: string, outcome: Outcome): void {
  queue.forget(key);
  if (outcome.state === 'stalled' || outcome.requeueAfterMs === undefined) return;
  queue.addAfter(key, outcome.requeueAfterMs);
}
