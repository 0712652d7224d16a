import { type Ledger, type LedgerRow, changeRow } from './ledger.ts';
import { type MessageContext, mayGrant } from './message-context.ts';
import { leaseEnd } from './lease-life.ts';
import { availableTo } from './parent-lease.ts';
import type { Waiter } from './recall.ts';

/** A waiter, and with which context its report came. */
export interface GrantedWaiter extends Waiter {
  context: MessageContext;
}

/**
 * Grants holders that wait what they need, in this order and as far as there is enough. Returns the keys of those that
 * have it now; one that has sent another report since waits no longer. Applied to a ledger that has it already, it
 * changes nothing.
 */
export function grantWaiters(ledger: Ledger, waiters: readonly GrantedWaiter[], nowMs: number): string[] {
  return waiters.flatMap((waiter) => (grantOne(ledger, waiter, nowMs) ? [waiter.key] : []));
}

function grantOne(ledger: Ledger, waiter: GrantedWaiter, nowMs: number): boolean {
  const row = ledger.rows.get(waiter.key);
  if (row === undefined || !stillWaits(row, waiter)) return false;
  // What it asked for was granted by a write that nobody knows the answer of.
  if (row.granted > waiter.granted) return true;
  const context = { ...waiter.context, nowMs };
  if (availableTo(ledger, waiter.key) < waiter.need || !mayGrant(ledger, context)) return false;
  changeRow(ledger, row, (r) => {
    r.granted += waiter.need;
    r.expires = leaseEnd(ledger, context);
  });
  return true;
}

function stillWaits(row: Readonly<LedgerRow>, { incarnation, seq }: Waiter): boolean {
  return row.state === 'open' && row.incarnation === incarnation && row.seq === seq;
}
