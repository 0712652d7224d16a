import type { NanoCu } from './amount.ts';
import { type Ledger, type LedgerRow, changeRow, isLedgerKey, unused } from './ledger.ts';

/**
 * The month is closed, and nothing has told what held amounts cost: they are settled as spent. A holder that reports
 * still has outstanding amounts, and is left as it is. Returns what was settled, nano-CU. A report that comes later all
 * the same is booked as for a released row: what it says beyond that is an overrun.
 */
export function settleHeld(ledger: Ledger): NanoCu {
  let settled = 0n;
  for (const row of ledger.rows.values()) {
    // A ledger settles what it holds by itself, and tells.
    const amount = isLedgerKey(row.key) ? 0n : unexplained(row);
    if (amount === 0n) continue;
    settled += amount;
    changeRow(ledger, row, (r) => {
      r.spent += amount;
      Object.assign(r, { unknown: 0n, unknownCosts: [], lost: 0n, lostSinceMs: 0, state: 'released' });
    });
  }
  return settled;
}

function unexplained(row: Readonly<LedgerRow>): NanoCu {
  const rest = unused(row);
  if (row.state === 'open' && rest > 0n) return 0n;
  return row.unknown + row.lost + rest;
}
