import type { NanoCu } from './amount.ts';
import type { Ledger } from './ledger.ts';
import { isOvercommitted, totalsOf } from './ledger.ts';

/** The part of its grants that holders other than this one have neither used nor given back. */
export function heldByOthers(ledger: Ledger, key: string): NanoCu {
  const own = ledger.rows.get(key);
  return ledger.totals.outstanding - (own ? totalsOf(own).outstanding : 0n);
}

/** Whether more is spent, reserved and held than the cap allows, and a part of it could still come back unused. */
export function isRecallable(ledger: Ledger): boolean {
  return isOvercommitted(ledger) && ledger.totals.outstanding > 0n;
}

/**
 * Whether holders must be asked for what they do not use: the ledger is overcommitted, or this holder was not granted
 * the `denied` amount (0: it was, or wanted nothing) while others have something that is not spent.
 */
export function callsForRecall(ledger: Ledger, holder: { key: string; denied: NanoCu }): boolean {
  return isRecallable(ledger) || (holder.denied > 0n && heldByOthers(ledger, holder.key) > 0n);
}
