import { type NanoCu, maxAmount } from './amount.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import type { ReportRequest } from './messages.ts';

/**
 * Whether a ledger can still be read back once these figures are booked in this row: none of its sums passes the largest
 * amount. What lies within the grant always fits; only spending that nobody granted makes the sums grow.
 */
export function hasRoomFor(
  { totals }: Ledger,
  row: Readonly<LedgerRow>,
  figures: Pick<ReportRequest, 'spent' | 'overrun' | 'unknown'>,
): boolean {
  const unknown = figures.unknown.reduce((sum, { amount }) => sum + amount, 0n);
  const used = figures.spent - row.overrun + unknown + row.lost + row.returned + row.released;
  const growth = atLeastZero(used - row.granted) + atLeastZero(figures.overrun - row.overrun);
  const sum = totals.settled + totals.outstanding + totals.held;
  return sum + growth <= maxAmount && totals.overrun + growth <= maxAmount;
}

function atLeastZero(amount: NanoCu): NanoCu {
  return amount > 0n ? amount : 0n;
}
