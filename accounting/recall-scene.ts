import { type Ledger, changeRow, newLedger } from './ledger.ts';
import { handleLeaseRequest } from './ledger-transitions.ts';
import { schemaVersion } from './message-parts.ts';

const period = { name: '2026-11', startMs: 0, endMs: 1e15 };

/** A ledger whose holders have that much each, and of which that much is free; amounts are nano-CU. */
export function ledgerOf(holders: Readonly<Record<string, bigint>>, free: bigint): Ledger {
  const out = Object.values(holders).reduce((sum, amount) => sum + amount, 0n);
  const ledger = newLedger({ budget: { namespace: 'n', name: 'b' }, period, cap: out + free });
  for (const [key, amount] of Object.entries(holders)) {
    openRow(ledger, key);
    grantTo(ledger, key, amount);
  }
  return ledger;
}

/** Opens a row that holds nothing. */
function openRow(ledger: Ledger, key: string): void {
  const processId = '00000000000000aa';
  const open = { schema: schemaVersion, kind: 'open', budget: 'b', ledgerUid: 'uid', processId } as const;
  handleLeaseRequest(ledger, open, { key, name: key, nowMs: 0, leaseSeconds: 300, mayGrant: true });
}

/** A holder is granted this much on top. */
export function grantTo(ledger: Ledger, key: string, amount: bigint): void {
  const row = ledger.rows.get(key);
  if (row) changeRow(ledger, row, (r) => (r.granted += amount));
}

/** A holder gives this much back. */
export function returnFrom(ledger: Ledger, key: string, amount: bigint): void {
  const row = ledger.rows.get(key);
  if (row) changeRow(ledger, row, (r) => (r.returned += amount));
}
