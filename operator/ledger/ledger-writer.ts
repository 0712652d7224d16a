import { encodeLedger } from '../../accounting/ledger-text.ts';
import type { LedgerText } from '../../accounting/ledger-text.ts';
import type { LedgerEvent } from '../../accounting/ledger-transitions.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import type { Clock } from '../kube/clock.ts';
import { backOffMs, jittered, pause } from '../kube/clock.ts';
import { KubeError, isKubeError } from '../kube/kube-error.ts';
import { applyChanges, waitingChange } from './ledger-change.ts';
import type { AppliedChange, LedgerChange, WaitingChange } from './ledger-change.ts';
import { LedgerError } from './ledger-error.ts';
import { fittingText, pagesOf } from './ledger-store.ts';
import type { LedgerStore, StoredLedger } from './ledger-store.ts';
import { PageKeeper, type PageKeeperOptions } from './page-keeper.ts';
import { ledgerLength } from './stored-length.ts';
import type { WriteRate } from './write-rate.ts';

/** How one attempt to store a ledger, or one of its pages (no changes), went. */
export interface WriteReport {
  changes: number;
  bytes: number;
  durationMs: number;
  outcome: 'written' | 'conflict' | 'unclear' | 'failed';
}

/** What an actor needs; callbacks must not throw. */
export interface LedgerWriterOptions {
  store: LedgerStore;
  /** As it was just read or created. */
  stored: StoredLedger;
  clock: Clock;
  rate: WriteRate;
  random?: () => number;
  /** What people should know, after it was stored. */
  onEvents: (events: readonly LedgerEvent[]) => void;
  /** The stored ledger, or what is wrong with it, has changed. */
  onChange: () => void;
  onWrite?: ((report: WriteReport) => void) | undefined;
  /** Told of what failed without anybody waiting for it. */
  onFailure: PageKeeperOptions['onFailure'];
  /** What is being written is finished, what waits is refused. */
  signal: AbortSignal;
}

/** Changes that wait; each belongs to a request that somebody waits for. */
const maxWaiting = 4096;
/** Changes that one write may make durable: applying them takes well below the time of the write. */
const maxBatch = 1024;
/** What nobody waits for waits longer the more a write costs: so long that it takes a quarter of all writing at most. */
const patientBytesPerMs = 64;
const maxPatienceMs = 1000;
/** Attempts to store one batch, also where other replicas write as often; after that its senders are told to come again. */
const maxAttempts = 10;
const backOff = { baseMs: 20, maxMs: 1000 };
/** Longest wait for one answer of the API server. */
const callMs = 10_000;
/** A server that asks for more time is asked again all the same: our senders give up before. */
const maxRetryAfterMs = 2000;

/**
 * The one place in this process that writes a ledger. Changes queue up while a write is under way and are then stored
 * together by the next one; nobody is answered before. Other writers are kept out by the resourceVersion.
 */
export class LedgerWriter {
  readonly #options: LedgerWriterOptions;
  readonly #pages: PageKeeper;
  #stored: StoredLedger;
  #queue: WaitingChange[] = [];
  #work: Promise<void> | undefined;
  /** How many in the queue somebody waits for. */
  #impatient = 0;
  #cancelPatience: (() => void) | undefined;
  /** Of the last write: about what the next one takes. */
  #bytes = 0;
  /** Taken of the rate for the write that comes next. */
  #taken: number | undefined;
  /** Whether the stored ledger may be another than the one in memory. */
  #doubtful = false;
  #problem: Error | undefined;
  /** When the ledger in memory was known to be the stored one. */
  #confirmedMs: number;

  constructor(options: LedgerWriterOptions) {
    this.#options = options;
    this.#stored = options.stored;
    const { store, stored, rate, clock, onWrite, onFailure, signal } = options;
    this.#confirmedMs = clock.nowMs();
    this.#pages = new PageKeeper({
      store: store.pages,
      pagesOf: pagesOf(stored),
      rate,
      clock,
      onWrite: (report) => onWrite?.({ changes: 0, ...report }),
      onFailure,
      signal,
    });
    options.signal.addEventListener('abort', () => this.#refuseWaiting(), { once: true });
  }

  /** The ledger as it was last known to be stored. Nobody may change it. */
  get stored(): StoredLedger {
    return this.#stored;
  }
  /** Why the last change could not be stored; undefined while all is well. */
  get problem(): Error | undefined {
    return this.#problem;
  }
  /** How long ago (ms) this was the stored ledger for certain: others may have written since. */
  get ageMs(): number {
    return this.#options.clock.nowMs() - this.#confirmedMs;
  }
  /** Resolves when nothing is being written. */
  get idle(): Promise<void> {
    return Promise.all([this.#work, this.#pages.idle]).then(() => undefined);
  }

  /**
   * Resolves once the change is stored (or found to be stored already): at once, or `patient` with the next write or a
   * second later.
   *
   * @throws LedgerError, LedgerTextError or StoredObjectError; or whatever the change itself throws
   */
  submit<T>(change: LedgerChange<T>, { patient = false } = {}): Promise<T> {
    if (this.#options.signal.aborted) return Promise.reject(stopping());
    if (this.#queue.length >= maxWaiting) return Promise.reject(overloaded());
    const { waiting, done } = waitingChange(change, { patient });
    this.#queue.push(waiting);
    if (patient) this.#runLater();
    else this.#runNow();
    return done;
  }

  #runNow(): void {
    this.#impatient += 1;
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#work ??= this.#run();
  }

  #runLater(): void {
    if (this.#work !== undefined || this.#cancelPatience !== undefined) return;
    const ms = Math.min(maxPatienceMs, this.#bytes / patientBytesPerMs);
    this.#cancelPatience = this.#options.clock.after(ms, () => this.#runNow());
  }

  async #run(): Promise<void> {
    // Those that were sent in the same moment go into the first write, too.
    await Promise.resolve();
    while (this.#impatient > 0 && this.#queue.length > 0) await this.#commitNext();
    this.#impatient = 0;
    this.#work = undefined;
    if (this.#queue.length > 0) this.#runLater();
  }

  /** Whatever comes while the rate has to be waited for goes along. */
  async #commitNext(): Promise<void> {
    const { rate, signal } = this.#options;
    await rate.take(this.#bytes, signal);
    this.#taken = this.#bytes;
    const batch = this.#queue.splice(0, maxBatch);
    this.#impatient = this.#queue.filter(({ patient }) => !patient).length;
    await this.#commit(batch);
    if (this.#taken !== undefined) rate.correct(-this.#taken);
    this.#taken = undefined;
  }

  /** What was taken before is settled by the first write of a batch. */
  async #take(bytes: number): Promise<void> {
    const { rate, signal } = this.#options;
    this.#bytes = bytes;
    if (this.#taken === undefined) return rate.take(bytes, signal);
    rate.correct(bytes - this.#taken);
    this.#taken = undefined;
  }

  async #commit(batch: readonly WaitingChange[]): Promise<void> {
    try {
      const applied = await this.#storeBatch(batch);
      this.#problem = undefined;
      for (const change of applied) change.accept();
      this.#options.onEvents(applied.flatMap(({ events }) => events));
    } catch (error) {
      if (error instanceof LedgerError && error.reason === 'full' && batch.length > 1) {
        // One new holder too many must not keep the others from reporting.
        const half = Math.ceil(batch.length / 2);
        await this.#commit(batch.slice(0, half));
        return this.#commit(batch.slice(half));
      }
      this.#doubtful = true;
      this.#problem = error instanceof Error ? error : new Error(String(error));
      for (const change of batch) change.reject(error);
    }
    this.#options.onChange();
  }

  /** Stores what the batch changes. All of it is applied anew to whatever is found to be stored by others. */
  async #storeBatch(batch: readonly WaitingChange[]): Promise<readonly AppliedChange[]> {
    let changes = batch;
    let certain = false;
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      if (this.#doubtful) {
        await this.#readAgain();
        certain = true;
      }
      const { copy, applied, kept } = applyChanges(this.#stored.ledger, changes);
      changes = kept;
      if (copy.seq !== this.#stored.ledger.seq) {
        if (await this.#write(copy, { changes: applied.length, attempt })) return applied;
      } else if (certain || !applied.some(({ mustBeStored }) => mustBeStored)) return applied;
      else this.#doubtful = true;
    }
    throw new LedgerError(
      'unavailable',
      `the ledger ${this.#stored.name} could not be written in ${maxAttempts} attempts; try again`,
    );
  }

  /** True when that is what is stored now; false when it has to be tried again, from what is stored. */
  async #write(copy: Ledger, { changes, attempt }: { changes: number; attempt: number }): Promise<boolean> {
    const { store, onWrite } = this.#options;
    const pages = this.#pages.pagesFor(this.#stored);
    const text = fittingText(copy, pages);
    const bytes = ledgerLength(text);
    await this.#take(bytes);
    const startedMs = performance.now();
    const report = (outcome: WriteReport['outcome']): void =>
      onWrite?.({ changes, bytes, durationMs: performance.now() - startedMs, outcome });
    try {
      const written = { ledger: copy, text, pages: pages.pages };
      this.#stored = await store.replace(this.#stored, written, { signal: AbortSignal.timeout(callMs) });
      this.#confirmedMs = this.#options.clock.nowMs();
      report('written');
      this.#pages.noteStored(this.#stored);
      return true;
    } catch (error) {
      const outcome = outcomeOf(error);
      report(outcome);
      if (outcome === 'failed') throw this.#asLedgerError(error);
      this.#doubtful = true;
      await this.#waitBefore(attempt, error);
      return outcome === 'unclear' && this.#isStored(text);
    }
  }

  /** After a write without an answer: whether it has happened all the same. */
  async #isStored(text: LedgerText): Promise<boolean> {
    await this.#readAgain();
    const { ledger, pages } = this.#stored;
    return sameLines(encodeLedger(ledger, { pages, added: [] }), text);
  }

  async #readAgain(): Promise<void> {
    const { store } = this.#options;
    const { name, uid, ledger, pages: known } = this.#stored;
    this.#pages.forget();
    const signal = AbortSignal.timeout(callMs);
    const found = await store.read(name, { signal, known }).catch((error: unknown) => {
      throw this.#asLedgerError(error);
    });
    if (found === undefined || found.uid !== uid)
      throw new LedgerError('lost', `the ledger ${name} was deleted: restore the SapAiLedger from a backup`);
    if (found.ledger.seq < ledger.seq)
      throw new LedgerError(
        'lost',
        `the ledger ${name} went back from change ${ledger.seq} to ${found.ledger.seq}: restore a newer backup`,
      );
    this.#stored = found;
    this.#confirmedMs = this.#options.clock.nowMs();
    this.#doubtful = false;
  }

  #asLedgerError(error: unknown): unknown {
    const { name } = this.#stored;
    if (isKubeError(error, 'NotFound'))
      return new LedgerError(
        'lost',
        `the ledger ${name} was deleted: restore the SapAiLedger from a backup`,
        {
          cause: error,
        },
      );
    if (isKubeError(error, 'RequestEntityTooLarge'))
      return new LedgerError('full', `the ledger ${name} is larger than the API server takes`, {
        cause: error,
      });
    // Ours, and those that say what is wrong with the object itself.
    if (!(error instanceof KubeError) && !isTimeout(error)) return error;
    return new LedgerError('unavailable', `the ledger ${name} cannot be stored or read: ${error.message}`, {
      cause: error,
    });
  }

  async #waitBefore(attempt: number, error: unknown): Promise<void> {
    const { clock, random = Math.random, signal } = this.#options;
    const asked = error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs) : 0;
    // The first repetition follows at once: a conflict is settled by reading.
    const ms = attempt === 1 ? asked : Math.max(asked, jittered(backOffMs(attempt - 1, backOff), random));
    if (ms > 0) await pause(clock, ms, signal);
  }

  #refuseWaiting(): void {
    this.#cancelPatience?.();
    for (const change of this.#queue.splice(0)) change.reject(stopping());
  }
}

function outcomeOf(error: unknown): 'conflict' | 'unclear' | 'failed' {
  if (isKubeError(error, 'Conflict', 'TooManyRequests')) return 'conflict';
  return isTimeout(error) || (error instanceof KubeError && error.outcomeUnknown) ? 'unclear' : 'failed';
}

/** Whether two texts say the same: what is read comes in another order than what was written. */
function sameLines(one: LedgerText, other: LedgerText): boolean {
  return JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other));
}

function inOrder(text: LedgerText): object {
  const [rows, heldRows, usage] = [text.rows, text.heldRows, text.usage].map((lines) =>
    lines.split('\n').sort(),
  );
  return { ...text, rows, heldRows, usage };
}

function isTimeout(error: unknown): error is Error {
  return error instanceof Error && error.name === 'TimeoutError';
}

function stopping(): LedgerError {
  return new LedgerError('stopping', 'the operator is stopping; try again');
}

function overloaded(): LedgerError {
  return new LedgerError(
    'overloaded',
    `more than ${maxWaiting} changes of one ledger are waiting; try again`,
  );
}
