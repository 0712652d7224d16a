import type { NanoCu } from './amount.ts';
import type { LedgerEvent } from './ledger-transitions.ts';
import { type Ledger, type LedgerRow, changeRow, emptyRow } from './ledger.ts';
import { hasRoomFor } from './ledger-room.ts';
import type { ReportRequest } from './messages.ts';

const latePrefix = 'late:';

/** Key of the row with what was spent beyond the row of this holder, by processes that were followed by others. */
export function lateKey(key: string): string {
  return `${latePrefix}${key}`;
}

/** Whether a row is one of those: no holder's, and never folded, because it tells what has been booked already. */
export function isLateKey(key: string): boolean {
  return key.startsWith(latePrefix);
}

/**
 * Books what a late report of a process that was followed by another says beyond what its row is charged with by now: what
 * was granted to all its processes, without what was returned and released. Then a request passed its reservation, or two
 * processes spent one lease. What is within the charge is taken to be in the row, as spent or as lost: if the newest process
 * has spent the same part of it, that is not told apart, and not booked. Of several former processes the one that says most
 * counts.
 *
 * It gets a row of its own, because the figures of the holder's row go on from those of its newest process. Cumulative as
 * the report: repeated, it changes nothing. The event, which says if there was no room to book it; none where there is
 * nothing to book.
 */
export function bookLate(
  ledger: Ledger,
  row: Readonly<LedgerRow>,
  { spent, overrun }: Pick<ReportRequest, 'spent' | 'overrun'>,
): LedgerEvent[] {
  const beyond = beyondCharge(row, { spent, overrun: overrun < spent ? overrun : spent });
  const key = lateKey(row.key);
  const { name } = row;
  const late = ledger.rows.get(key) ?? emptyRow({ key, name, state: 'released' });
  const amount = beyond - late.overrun;
  if (amount <= 0n) return [];
  const booked = hasRoomFor(ledger, late, { spent: beyond, overrun: beyond, unknown: [] });
  if (booked)
    changeRow(ledger, late, (r) => Object.assign(r, { spent: beyond, overrun: beyond, seq: r.seq + 1 }));
  return [{ type: 'LateSpending', key: row.key, name, amount, booked }];
}

function beyondCharge(
  row: Readonly<LedgerRow>,
  { spent, overrun }: Record<'spent' | 'overrun', NanoCu>,
): NanoCu {
  const charge = row.granted - row.returned - row.released;
  return atLeastZero(overrun - row.overrun) + atLeastZero(spent - overrun - charge);
}

function atLeastZero(amount: NanoCu): NanoCu {
  return amount > 0n ? amount : 0n;
}
