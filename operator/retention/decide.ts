import { parseAmount } from '../../accounting/amount.ts';
import { type Ledger, isLedgerKey, ledgerKey } from '../../accounting/ledger.ts';
import { isTold } from '../../accounting/parent-lease.ts';
import type { SapAiStatementStatus } from '../../crds/statement.ts';

/** What is known of a ledger when it is asked whether it may go. */
export interface Facts {
  uid: string;
  ledger: Ledger;
  /** The statement of its budget and period; undefined where there is none. */
  statement: SapAiStatementStatus | undefined;
  /** The ledger that it is a holder in; undefined where there is none (any more). */
  parent: Ledger | undefined;
  /** Uids of all ledgers there are. */
  there: ReadonlySet<string>;
}

/** Why a ledger stays, or that it may go. */
export type Verdict =
  | 'young' // its period ended less than the months ago that ledgers are kept
  | 'open' // something is out or held
  | 'not_closed' // no closed statement of its budget and period
  | 'not_in_statement' // something was booked that the closed statement does not say
  | 'has_ledgers_below' // one that is a holder in it is still there
  | 'not_told' // the ledger above does not know all that this one has to tell
  | 'done';

/**
 * Whether a ledger is of no use any more: its period ended `keepMonths` ago, nothing is out or held, its statement is
 * closed and says what it says, no ledger below it is left, and the one above it knows all.
 */
export function decide(facts: Facts, limits: { keepMonths: number; nowMs: number }): Verdict {
  const { period, totals } = facts.ledger;
  if (addMonths(period.endMs, limits.keepMonths) > limits.nowMs) return 'young';
  if (totals.outstanding !== 0n || totals.held !== 0n) return 'open';
  return byStatement(facts) ?? byRelatives(facts) ?? 'done';
}

function byStatement({ ledger, statement }: Facts): Verdict | undefined {
  if (statement?.closed !== true) return 'not_closed';
  const isSaid = parseAmount(statement.totals?.metered ?? '0') === ledger.totals.settled;
  return isSaid ? undefined : 'not_in_statement';
}

function byRelatives({ uid, ledger, parent, there }: Facts): Verdict | undefined {
  const below = [...ledger.rows.keys()].filter((key) => isLedgerKey(key));
  if (below.some((key) => there.has(key.slice(ledgerKey('').length)))) return 'has_ledgers_below';
  if (parent === undefined || isToldAll(ledger, parent.rows.get(ledgerKey(uid)))) return undefined;
  return 'not_told';
}

/** One that never had anything of its parent may have never told it anything. */
function isToldAll(ledger: Ledger, row: Parameters<typeof isTold>[1]): boolean {
  return isTold(ledger, row) || (row === undefined && ledger.totals.settled === 0n);
}

/** The same day and time so many months later (UTC), or a few days after it where that month is shorter. */
export function addMonths(ms: number, months: number): number {
  const date = new Date(ms);
  return date.setUTCMonth(date.getUTCMonth() + months);
}

/** Whether a period of this name (its month) can have ended so long ago: all others need not be read. */
export function mayBeOld(
  period: string,
  { keepMonths, nowMs }: { keepMonths: number; nowMs: number },
): boolean {
  return period <= new Date(addMonths(nowMs, -keepMonths)).toISOString().slice(0, 7);
}
