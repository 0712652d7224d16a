import type { NanoCu } from './amount.ts';
import { heldLines } from './entries-text.ts';
import { longestCallSeconds } from './ledger-fold.ts';
import { type Ledger, type LedgerRow, changeRow, isLedgerKey, unused } from './ledger.ts';

/** What SAP's final usage says of all that is held, in however many ledgers. */
export interface FinalGap {
  /** All of it together cost at most this, nano-CU. */
  readonly amount: NanoCu;
  /** End of the last day that final usage covers, ms since 1970. */
  readonly throughMs: number;
  /** When the last SAP token of each holder ends, by its key, in seconds: a pod may have had them for several ledgers. */
  readonly tokenExpires: ReadonlyMap<string, number>;
}

/** What is known when a month is closed. */
export interface MonthClose {
  /** Keys of ledgers below that are gone: they can neither report nor settle any more. */
  readonly gone: ReadonlySet<string>;
  readonly gap?: FinalGap | undefined;
}

/** What became of held amounts when their month was closed, nano-CU. */
export interface HeldClosed {
  readonly settled: NanoCu;
  readonly released: NanoCu;
  /** What is left of the gap: for the ledgers that are still to come. */
  readonly gapLeft: NanoCu;
}

/** What the close of its month would settle or release of a ledger, nano-CU. */
export function heldAtClose({ rows }: Ledger, gone: MonthClose['gone']): NanoCu {
  return [...rows.values()].reduce((sum, row) => sum + unexplained(row, gone), 0n);
}

/**
 * The month is closed, and nothing has told what held amounts cost: they are settled as spent, but for what SAP's final
 * usage leaves no room for. Of the gap the oldest row has its part first; what passes it is released. A holder that
 * reports still has outstanding amounts, and is left as it is. A report that comes later all the same is booked as for a
 * released row: what it says beyond that takes back what was released, and after that is an overrun.
 */
export function settleHeld(ledger: Ledger, { gone, gap }: MonthClose): HeldClosed {
  const closed = { settled: 0n, released: 0n, gapLeft: gap?.amount ?? 0n };
  for (const row of oldestFirst(ledger)) {
    const amount = unexplained(row, gone);
    if (amount === 0n) continue;
    const bounded = gap !== undefined && isCovered(row, gap);
    const spent = bounded && amount > closed.gapLeft ? closed.gapLeft : amount;
    // What is settled whole may have cost nothing: it uses nothing up.
    if (bounded) closed.gapLeft -= spent;
    closed.settled += spent;
    closed.released += amount - spent;
    changeRow(ledger, row, (r) => {
      r.spent += spent;
      r.released += amount - spent;
      Object.assign(r, { unknown: 0n, unknownCosts: [], lost: 0n, lostSinceMs: 0, state: 'released' });
    });
  }
  return closed;
}

function oldestFirst(ledger: Ledger): Readonly<LedgerRow>[] {
  const since = new Map<string, number>();
  for (const { key, sinceMs } of heldLines(ledger))
    since.set(key, Math.min(sinceMs, since.get(key) ?? Number.POSITIVE_INFINITY));
  const age = ({ key }: LedgerRow): number => since.get(key) ?? Number.POSITIVE_INFINITY;
  return [...ledger.rows.values()].toSorted((a, b) => age(a) - age(b) || (a.key < b.key ? -1 : 1));
}

/**
 * A ledger settles what it holds by itself, and tells: its row is nothing of this one's, unless it is gone. Then nobody
 * tells what is outstanding either: rows of ledgers never expire.
 */
function unexplained(row: Readonly<LedgerRow>, gone: MonthClose['gone']): NanoCu {
  const rest = unused(row);
  const tells = isLedgerKey(row.key) ? !gone.has(row.key) : row.state === 'open' && rest > 0n;
  return tells ? 0n : row.unknown + row.lost + rest;
}

/** Whether all that this row can have cost was billed on days that final usage covers. */
function isCovered(row: Readonly<LedgerRow>, { throughMs, tokenExpires }: FinalGap): boolean {
  // Nobody knows any more when the pods of a ledger that is gone had their last tokens.
  if (isLedgerKey(row.key)) return false;
  const isOver = (seconds: number): boolean => (seconds + longestCallSeconds) * 1000 <= throughMs;
  const lastToken = Math.max(row.tokenExpires, tokenExpires.get(row.key) ?? 0);
  // Whose tokens are not known (what was seen of a lost ledger) may have called at any time.
  if (lastToken > 0 && isOver(Math.max(row.expires, lastToken))) return true;
  if (row.lost + unused(row) > 0n) return false;
  // With nothing of a lease left it has not called since its last report, by which all these requests were over.
  if (row.state === 'open' && isOver(row.expires)) return true;
  // Its holder says when a single request was over; of several it says that of the oldest.
  const itemised = row.unknownCosts.reduce((sum, { amount }) => sum + amount, 0n);
  return (
    itemised === row.unknown &&
    row.unknownCosts.every(({ count, sinceMs }) => count === 1 && isOver(sinceMs / 1000))
  );
}
