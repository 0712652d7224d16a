import type { Clock } from '../kube/clock.ts';
import { pause } from '../kube/clock.ts';
import type { Leadership } from './leadership.ts';

/** Who leads, as the Lease says it. */
export interface LeaderRecord {
  /** Identity of the leader's process; empty: it has stepped down. */
  holder: string;
  /** How long others wait after the last change they saw. */
  durationMs: number;
  /** Of this leader, and when the Lease was written: wall clocks, for people only. */
  acquiredAtMs: number;
  renewedAtMs: number;
  /** How often the leader has changed. */
  transitions: number;
}

/** A record with the version its next write depends on. */
export interface StoredRecord {
  record: LeaderRecord;
  version: string;
}

/** Where the record is kept. */
export interface ElectionStore {
  read(options: { signal: AbortSignal }): Promise<StoredRecord | undefined>;
  /** Replaces what was read (creates it where there was nothing); undefined where somebody else was faster. */
  write(
    record: LeaderRecord,
    options: { after: StoredRecord | undefined; signal: AbortSignal },
  ): Promise<StoredRecord | undefined>;
}

/** Times of an election, in ms. */
export interface ElectionTimes {
  /** How long others wait for a leader that is silent. */
  durationMs: number;
  /** A leader that could not renew for so long stops: well before others may start. */
  deadlineMs: number;
  /** How often it is tried. */
  retryMs: number;
}

export interface ElectionOptions {
  store: ElectionStore;
  /** Unlike that of any other process, also of a former one of the same pod. */
  identity: string;
  times: ElectionTimes;
  /** Monotonic: a wall clock that is set must not make a leader. */
  clock: Clock;
  /** Wall clock, for the times in the record that people read. */
  wallMs: () => number;
  random?: () => number;
  onFailure?: (error: unknown) => void;
}

/** The usual proportions: 15 s, 10 s and 2 s for a duration of 15 s. */
export function electionTimes(durationMs: number): ElectionTimes {
  return { durationMs, deadlineMs: (durationMs * 2) / 3, retryMs: (durationMs * 2) / 15 };
}

/**
 * Elects one of several processes by a record that all of them write under its version. No clock is compared with another
 * machine's: a record is out of date when it has not changed for its duration *since it was seen here*. A leader counts
 * from the sending of the last renewal that succeeded, so it stops before anybody else can start.
 */
export class Election implements Leadership {
  readonly #options: ElectionOptions;
  readonly #random: () => number;
  #observed: { stored: StoredRecord; seenMs: number } | undefined;
  /** When the last successful renewal of this term was sent; undefined while not leading. */
  #renewedMs: number | undefined;
  #term = 0;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  get term(): number {
    return this.#term;
  }

  /** Identity of the leader as it was seen last; undefined: there is none, or none was seen yet. */
  get leader(): string | undefined {
    return this.#observed?.stored.record.holder || undefined;
  }

  leads = (): boolean => {
    const { clock, times } = this.#options;
    return this.#renewedMs !== undefined && clock.nowMs() - this.#renewedMs < times.deadlineMs;
  };

  /**
   * Stands for election until the signal fires, then steps down. `lead` runs in each term and ends with its signal; no
   * other term of this process begins before. Rejects with what `lead` rejects with.
   */
  async run(lead: (term: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.#elect(signal))) return;
      await this.#serveTerm(lead, signal);
    }
  }

  /** Resolves once elected; false: the signal has fired. */
  async #elect(signal: AbortSignal): Promise<boolean> {
    const { clock, times } = this.#options;
    while (!signal.aborted) {
      if (await this.#attempt(signal)) return true;
      // Spread out, so that candidates do not meet at the same moment.
      await pause(clock, times.retryMs * (1 + 1.2 * this.#random()), signal);
    }
    return false;
  }

  async #serveTerm(lead: (term: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    this.#term += 1;
    const over = new AbortController();
    const led = lead(AbortSignal.any([signal, over.signal]));
    const end = (): void => over.abort(new Error('the term is over'));
    led.catch(end);
    try {
      await this.#renewUntilLost(AbortSignal.any([signal, over.signal]));
      end();
      await led;
    } finally {
      if (signal.aborted) await this.#stepDown();
      this.#renewedMs = undefined;
    }
  }

  async #renewUntilLost(signal: AbortSignal): Promise<void> {
    const { clock, times } = this.#options;
    for (;;) {
      await pause(clock, times.retryMs, signal);
      // A process that was stopped for long wakes up here: whoever led meanwhile must not be taken for itself.
      if (signal.aborted || !this.leads()) return;
      if (!(await this.#attempt(signal)) && this.leader !== this.#options.identity) return;
    }
  }

  /** One try to become or stay leader; false where it did not work, for whatever reason. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { clock, times, onFailure } = this.#options;
    const sentMs = clock.nowMs();
    const limit = new AbortController();
    const leftMs =
      this.#renewedMs === undefined ? times.deadlineMs : this.#renewedMs + times.deadlineMs - sentMs;
    const cancel = clock.after(Math.min(times.deadlineMs / 2, leftMs), () =>
      limit.abort(new Error('the API server did not answer in time')),
    );
    try {
      const done = await this.#acquireOrRenew(AbortSignal.any([signal, limit.signal]));
      if (done) this.#renewedMs = sentMs;
      return done;
    } catch (error) {
      if (!signal.aborted) onFailure?.(error);
      return false;
    } finally {
      cancel();
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { store, identity } = this.#options;
    const known = this.#observed?.stored;
    if (this.leads() && known?.record.holder === identity && (await this.#write(known, signal))) return true;
    const found = await store.read({ signal });
    this.#observe(found);
    if (found !== undefined && !this.#isVacant(found.record)) return false;
    return this.#write(found, signal);
  }

  #isVacant({ holder, durationMs }: LeaderRecord): boolean {
    if (holder === '' || holder === this.#options.identity) return true;
    const seenMs = this.#observed?.seenMs ?? this.#options.clock.nowMs();
    return this.#options.clock.nowMs() - seenMs >= durationMs;
  }

  async #write(after: StoredRecord | undefined, signal: AbortSignal): Promise<boolean> {
    const { store, identity, times, wallMs } = this.#options;
    const nowMs = wallMs();
    const mine = after?.record.holder === identity ? after.record : undefined;
    const record: LeaderRecord = {
      holder: identity,
      durationMs: times.durationMs,
      acquiredAtMs: mine?.acquiredAtMs ?? nowMs,
      renewedAtMs: nowMs,
      transitions: (after?.record.transitions ?? 0) + (mine || after === undefined ? 0 : 1),
    };
    const stored = await store.write(record, { after, signal });
    if (stored !== undefined) this.#observe(stored);
    return stored !== undefined;
  }

  /** Others need not wait for a leader that has ended in order. */
  async #stepDown(): Promise<void> {
    const { store, times, wallMs, onFailure } = this.#options;
    const stored = this.#observed?.stored;
    if (!this.leads() || stored === undefined) return;
    this.#renewedMs = undefined;
    const record = { ...stored.record, holder: '', durationMs: 1000, renewedAtMs: wallMs() };
    const signal = AbortSignal.timeout(times.retryMs);
    await store.write(record, { after: stored, signal }).catch((error: unknown) => onFailure?.(error));
  }

  #observe(stored: StoredRecord | undefined): void {
    if (stored === undefined) this.#observed = undefined;
    else if (stored.version !== this.#observed?.stored.version)
      this.#observed = { stored, seenMs: this.#options.clock.nowMs() };
  }
}
