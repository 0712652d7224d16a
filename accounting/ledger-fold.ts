import { isLateKey } from './ledger-late.ts';
import { type Ledger, type LedgerRow, changeRow, emptyRow, isLedgerKey, unused } from './ledger.ts';

/**
 * Key of the one row that rows of holders who are gone are added to. Its `seq` counts them, its amounts are their sums,
 * so that a ledger adds up as before; it is no holder's, and no message can name it.
 */
export const foldedKey = 'folded';

/** So long, in seconds, a call can be under way: a holder that is silent beyond its lease for longer has none. */
export const longestCallSeconds = 600;

/**
 * Whether all is known of a holder: nothing is outstanding or held, its last SAP token has ended, and it has been silent
 * for long. Whether it is gone for good is not for the ledger to know.
 */
export function isClosedOut(row: Readonly<LedgerRow>, nowMs: number): boolean {
  // A ledger may report at any time: it is no pod that can be gone.
  if (row.key === foldedKey || isLedgerKey(row.key) || isLateKey(row.key)) return false;
  if (unused(row) > 0n || row.unknown > 0n || row.lost > 0n) return false;
  return (Math.max(row.expires, row.tokenExpires) + longestCallSeconds) * 1000 < nowMs;
}

/**
 * Adds these rows, as far as they are closed out, to the folded one. Only for holders that can never send a message
 * again: what they have reported cumulatively is known as a part of the sum only.
 */
export function foldRows(ledger: Ledger, keys: readonly string[], nowMs: number): void {
  for (const key of keys) {
    const row = ledger.rows.get(key);
    if (row === undefined || !isClosedOut(row, nowMs)) continue;
    const { granted, spent, overrun, returned, released } = row;
    changeRow(ledger, row, (r) =>
      Object.assign(r, { granted: 0n, spent: 0n, overrun: 0n, returned: 0n, released: 0n }),
    );
    ledger.rows.delete(key);
    changeRow(
      ledger,
      ledger.rows.get(foldedKey) ?? emptyRow({ key: foldedKey, name: '-', state: 'released' }),
      (fold) => {
        fold.seq += 1;
        fold.granted += granted;
        fold.spent += spent;
        fold.overrun += overrun;
        fold.returned += returned;
        fold.released += released;
      },
    );
  }
}

/** How many holders a ledger knows of by a row of their own. */
export function countHolders({ rows }: Ledger): number {
  let holders = 0;
  for (const { key } of rows.values()) if (key !== foldedKey && !isLateKey(key)) holders += 1;
  return holders;
}
