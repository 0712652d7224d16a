import type { NanoCu } from '../../accounting/amount.ts';
import { type Lease, idle } from '../../accounting/lease.ts';
import type { Clock } from '../clock.ts';
import { sleep } from '../pause.ts';

/** Why the next report leaves. `recall`: it answers a round. `left`: there is nothing more to tell, ever. */
export type ReportReason = 'recall' | 'ask' | 'change' | 'renewal' | 'return' | 'left';

interface Due {
  readonly reason: ReportReason;
  readonly atMs: number;
}

/** What decides when the next report is due. */
export interface ReportState {
  readonly lease: Lease;
  /** End of the lease and time of sending of the message that says so, monotonic ms. */
  readonly endsAtMs: number;
  readonly sentAtMs: number;
  readonly asked: () => boolean;
  /** Whether more is spent, reserved and held than the cap allows: what is idle is not to be kept. */
  readonly overdrawn: boolean;
  /** What no request that could be served now needs. */
  readonly returnable: () => NanoCu;
}

/**
 * Decides when a holder reports: at once for an ask, lazily for changes (the more so while they go on), in time before
 * the lease ends.
 */
export class ReportSchedule {
  readonly #clock: Clock;
  readonly #times: { readonly reportMs: number; readonly idleReturnMs: number };
  #changedAtMs: number | undefined;
  /** When a change was last reported for its own sake. */
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #trafficAtMs: number;
  #leaving = false;
  #recalledAtMs = Number.NEGATIVE_INFINITY;
  #shortAtMs = Number.NEGATIVE_INFINITY;
  /** Of the round that is not answered yet. */
  #recall: number | undefined;
  #wake: (() => void) | undefined;

  constructor(options: {
    clock: Clock;
    times: { reportMs: number; idleReturnMs: number };
    random?: (() => number) | undefined;
  }) {
    const { random = Math.random, times } = options;
    // Pods that were started together, or that a new period found together, must not go on reporting together.
    const spread = 0.75 + random() / 2;
    this.#clock = options.clock;
    this.#times = { reportMs: times.reportMs * spread, idleReturnMs: times.idleReturnMs * spread };
    this.#trafficAtMs = options.clock.monotonicMs();
  }

  /** Figures have changed that the operator does not know. */
  noteChange(): void {
    this.#changedAtMs ??= this.#clock.monotonicMs();
    this.wake();
  }

  noteTraffic(): void {
    this.#trafficAtMs = this.#clock.monotonicMs();
  }

  /** The figures are about to be told. */
  noteSent(): void {
    this.#changedAtMs = undefined;
  }

  /** From now on everything idle is returned at once, until all is told. */
  leave(): void {
    this.#leaving = true;
    this.wake();
  }

  /** Others need what is idle: it is returned at once, and for a moment also what becomes idle. */
  recall(round: number): void {
    this.#recall = round;
    this.#recalledAtMs = this.#clock.monotonicMs();
    this.wake();
  }

  /** The round that the next report answers; it has to be told what is idle now. */
  takeRecall(): number | undefined {
    const round = this.#recall;
    this.#recall = undefined;
    return round;
  }

  /** A request of this pod waits for what others give back. */
  noteShort(): void {
    this.#shortAtMs = this.#clock.monotonicMs();
  }

  /** Whether budget was short lately, here or elsewhere. */
  get contested(): boolean {
    const lastMs = Math.max(this.#recalledAtMs, this.#shortAtMs);
    return this.#clock.monotonicMs() - lastMs < contestedMs;
  }

  /** Has the due time computed anew. */
  wake(): void {
    this.#wake?.();
  }

  /** Waits until a report is due and says why. */
  async next(signal: AbortSignal, state: ReportState): Promise<ReportReason> {
    for (;;) {
      signal.throwIfAborted();
      const { reason, atMs } = this.#due(state);
      const waitMs = atMs - this.#clock.monotonicMs();
      if (waitMs <= 0) {
        if (reason === 'change') this.#toldAtMs = this.#clock.monotonicMs();
        return reason;
      }
      await this.sleep(waitMs, signal);
    }
  }

  /** Sleeps at most this long; `wake` and the signal end it. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, signal, (wake) => (this.#wake = wake));
    this.#wake = undefined;
  }

  /** For a lease that reports no more. */
  async sleepUntilLeaving(signal: AbortSignal): Promise<void> {
    while (!this.#leaving && !signal.aborted) await this.sleep(leavingCheckMs, signal);
  }

  get #recalled(): boolean {
    return this.#clock.monotonicMs() - this.#recalledAtMs < recallLastsMs;
  }

  #due({ lease, endsAtMs, sentAtMs, asked, overdrawn, returnable }: ReportState): Due {
    if (this.#recall !== undefined) return { reason: 'recall', atMs: 0 };
    if (asked()) return { reason: 'ask', atMs: 0 };
    if ((overdrawn || this.#recalled) && returnable() > 0n) return { reason: 'return', atMs: 0 };
    return this.#dueLater({ lease, endsAtMs, sentAtMs });
  }

  #dueLater({ lease, endsAtMs, sentAtMs }: Pick<ReportState, 'lease' | 'endsAtMs' | 'sentAtMs'>): Due {
    const rest = idle(lease);
    const quiet = lease.reservations.size === 0;
    if (this.#leaving && quiet) return leavingDue(rest, this.#changedAtMs);
    const { reportMs } = this.#times;
    const soonestMs = this.#toldAtMs + betweenChanges * reportMs;
    const candidates: Due[] = [
      { reason: 'change', atMs: Math.max((this.#changedAtMs ?? never) + reportMs, soonestMs) },
    ];
    const lifeMs = endsAtMs - sentAtMs;
    const renewalMs = lifeMs > 0 ? Math.max(minRenewalMs, lifeMs / 3) : lifelessMs;
    if (rest > 0n || !quiet) candidates.push({ reason: 'renewal', atMs: sentAtMs + renewalMs });
    if (rest > 0n && quiet)
      candidates.push({ reason: 'return', atMs: this.#trafficAtMs + this.#times.idleReturnMs });
    return candidates.reduce((first, other) => (other.atMs < first.atMs ? other : first));
  }
}

/** As long as the operator lets a request wait for a round. */
const recallLastsMs = 2000;
/** After this time a lease may be comfortable again. */
const contestedMs = 10_000;
const never = Number.POSITIVE_INFINITY;
/** While changes go on they are told less often: each is a line in a ledger that thousands may share. */
const betweenChanges = 3;
const leavingCheckMs = 60_000;
/** However short a life is, it is not renewed more often than this. */
const minRenewalMs = 1000;
/** A lease without life has nothing to lose: its period is over, and it only waits for requests under way. */
const lifelessMs = 15_000;

function leavingDue(rest: bigint, changedAtMs: number | undefined): Due {
  if (rest > 0n) return { reason: 'return', atMs: 0 };
  return { reason: changedAtMs === undefined ? 'left' : 'change', atMs: 0 };
}
