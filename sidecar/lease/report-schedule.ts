import { type Lease, idle } from '../../accounting/lease.ts';
import type { Clock } from '../clock.ts';
import { sleep } from '../pause.ts';

/** Why the next report leaves. `left`: there is nothing more to tell, ever. */
export type ReportReason = 'ask' | 'change' | 'renewal' | 'return' | 'left';

/** What decides when the next report is due. */
export interface ReportState {
  readonly lease: Lease;
  /** End of the lease and time of sending of the message that says so, monotonic ms. */
  readonly endsAtMs: number;
  readonly sentAtMs: number;
  readonly asked: () => boolean;
}

/** Decides when a holder reports: at once for an ask, lazily for changes, in time before the lease ends. */
export class ReportSchedule {
  readonly #clock: Clock;
  readonly #times: { readonly reportMs: number; readonly idleReturnMs: number };
  #changedAtMs: number | undefined;
  #trafficAtMs: number;
  #leaving = false;
  #wake: (() => void) | undefined;

  constructor(options: { clock: Clock; times: { reportMs: number; idleReturnMs: number } }) {
    this.#clock = options.clock;
    this.#times = options.times;
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
      if (waitMs <= 0) return reason;
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

  #due({ lease, endsAtMs, sentAtMs, asked }: ReportState): { reason: ReportReason; atMs: number } {
    if (asked()) return { reason: 'ask', atMs: 0 };
    const rest = idle(lease);
    const quiet = lease.reservations.size === 0;
    if (this.#leaving && quiet) return leavingDue(rest, this.#changedAtMs);
    const candidates: { reason: ReportReason; atMs: number }[] = [
      { reason: 'change', atMs: (this.#changedAtMs ?? never) + this.#times.reportMs },
    ];
    const renewalMs = Math.max(minRenewalMs, (endsAtMs - sentAtMs) / 3);
    if (rest > 0n || !quiet) candidates.push({ reason: 'renewal', atMs: sentAtMs + renewalMs });
    if (rest > 0n && quiet)
      candidates.push({ reason: 'return', atMs: this.#trafficAtMs + this.#times.idleReturnMs });
    return candidates.reduce((first, other) => (other.atMs < first.atMs ? other : first));
  }
}

const never = Number.POSITIVE_INFINITY;
const leavingCheckMs = 60_000;
/** An operator that grants no life is not asked more often than this. */
const minRenewalMs = 1000;

function leavingDue(rest: bigint, changedAtMs: number | undefined): { reason: ReportReason; atMs: number } {
  if (rest > 0n) return { reason: 'return', atMs: 0 };
  return { reason: changedAtMs === undefined ? 'left' : 'change', atMs: 0 };
}
