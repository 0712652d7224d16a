import type { NanoCu } from '../../accounting/amount.ts';

/** What nobody has used for so long goes back to the parent. */
const idleMs = 60_000;

/** What of the parent's lease a ledger has not used for a while. */
export class IdleWatch {
  /** The least that was idle since then. */
  #low: { sinceMs: number; amount: NanoCu } | undefined;

  /** What goes back (nano-CU), given what is idle now: what was idle all the while. */
  unused(idle: NanoCu, nowMs: number): NanoCu {
    const low = this.#low;
    if (low === undefined || idle < low.amount || nowMs < low.sinceMs) {
      this.#low = { sinceMs: low?.sinceMs ?? nowMs, amount: idle };
      return 0n;
    }
    if (nowMs - low.sinceMs < idleMs) return 0n;
    this.#low = { sinceMs: nowMs, amount: idle - low.amount };
    return low.amount;
  }
}
