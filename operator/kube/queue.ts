import { backOffMs } from './clock.ts';
import type { Clock } from './clock.ts';

/** Delays after a failed reconcile: doubling from the first to the last. */
export interface BackOff {
  baseMs: number;
  maxMs: number;
}

/** client-go starts at 5 ms; our reconciles call SAP, so a first retry within a second is soon enough. */
const defaultBackOff: BackOff = { baseMs: 500, maxMs: 300_000 };

interface Delayed {
  dueMs: number;
  cancel: () => void;
}

/**
 * Keys that want work. A key is queued once however often it is added, and is never handed to two workers at a time: one added
 * while it is worked on comes back after `done`. Holds at most one entry per key in each of its parts, so it is as large as the
 * number of objects.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  readonly #ready = new Set<string>();
  readonly #working = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor({ clock, backOff = defaultBackOff }: { clock: Clock; backOff?: BackOff }) {
    this.#clock = clock;
    this.#backOff = backOff;
  }

  /** Keys that a worker could take now. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Queues the key unless it is queued already. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#working.has(key)) {
      this.#dirty.add(key);
      return;
    }
    this.#ready.add(key);
    this.#hand();
  }

  /** Queues the key later. Of several times for one key the soonest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    const dueMs = this.#clock.nowMs() + ms;
    const planned = this.#delayed.get(key);
    if (planned !== undefined && planned.dueMs <= dueMs) return;
    planned?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, cancel });
  }

  /** Queues the key after its back-off, which grows until `forget`. Gives the delay in milliseconds. */
  addFailed(key: string): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delayMs = backOffMs(failures, this.#backOff);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** The key's work succeeded: its back-off starts anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, as soon as there is one; undefined once the queue is closed. The taker must call `done`. */
  take(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#hand();
    });
  }

  /** The worker is finished with the key, in whatever way. */
  done(key: string): void {
    this.#working.delete(key);
    if (this.#dirty.delete(key)) this.add(key);
  }

  /** Ends all waiting; what is still queued is dropped. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#dirty.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #hand(): void {
    if (this.#closed) {
      for (const taker of this.#takers.splice(0)) taker(undefined);
      return;
    }
    for (const key of this.#ready) {
      const taker = this.#takers.shift();
      if (taker === undefined) return;
      this.#ready.delete(key);
      this.#working.add(key);
      taker(key);
    }
  }
}
