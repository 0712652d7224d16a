import type { Clock } from '../kube/clock.ts';

/** How long an outcome is remembered, by what it is. */
export interface CacheLife<T> {
  clock: Clock;
  maxEntries: number;
  /** Milliseconds; 0: not at all. */
  lifeMs: (outcome: PromiseSettledResult<T>) => number;
}

/** Remembers answers for a while; whoever asks for what is being fetched waits for the same fetch. */
export class BoundedCache<T> {
  readonly #life: CacheLife<T>;
  readonly #entries = new Map<string, { untilMs: number; answer: Promise<T> }>();

  constructor(life: CacheLife<T>) {
    this.#life = life;
  }

  get(key: string, fetch: () => Promise<T>): Promise<T> {
    const entry = this.#entries.get(key);
    if (entry && this.#life.clock.nowMs() < entry.untilMs) return entry.answer;
    return this.refresh(key, fetch);
  }

  /** Fetches anew, whatever is remembered. */
  refresh(key: string, fetch: () => Promise<T>): Promise<T> {
    const entry = { untilMs: Number.POSITIVE_INFINITY, answer: fetch() };
    // Last fetched, last in the map: the first one is the oldest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#life.maxEntries && oldest !== undefined) this.#entries.delete(oldest);
    const { clock, lifeMs } = this.#life;
    entry.answer.then(
      (value) => (entry.untilMs = clock.nowMs() + lifeMs({ status: 'fulfilled', value })),
      (reason: unknown) => (entry.untilMs = clock.nowMs() + lifeMs({ status: 'rejected', reason })),
    );
    return entry.answer;
  }
}
