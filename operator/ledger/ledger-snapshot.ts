import type { NanoCu } from '../../accounting/amount.ts';
import { type Enforcement, type Ledger, available } from '../../accounting/ledger.ts';
import { countHolders } from '../../accounting/ledger-fold.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';

/** Where a ledger stands, for status and conditions; amounts are nano-CU. */
export interface LedgerSnapshot {
  uid: string;
  /** Name of the SapAiLedger in the operator's namespace. */
  name: string;
  budget: BudgetRef;
  period: { name: string; startMs: number; endMs: number };
  cap: NanoCu;
  enforcement: Enforcement;
  settled: NanoCu;
  outstanding: NanoCu;
  held: NanoCu;
  /** Granted and returned in this period, by all holders together. */
  granted: NanoCu;
  returned: NanoCu;
  /** Part of `settled` beyond what was granted. */
  overrun: NanoCu;
  /** cap − settled − outstanding − held: below zero when the cap was lowered, or by an overrun. */
  available: NanoCu;
  /** The budget of the ledger that this one is a holder in. */
  parent?: BudgetRef;
  /** Of a ledger below another one, as far as it is known: what could still be had of that one. */
  parentLeft?: NanoCu;
  seq: number;
  /** Rows of holders, whatever their state: without the one that those who are gone are folded into. */
  holders: number;
  /** Why nothing can be granted or reported now, as the last attempt found; absent while all is well. */
  problem?: { reason: string; message: string };
}

/** What people are told of a ledger. */
export function snapshotOf({
  uid,
  name,
  ledger,
}: {
  uid: string;
  name: string;
  ledger: Ledger;
}): LedgerSnapshot {
  const { budget, period, cap, enforcement, seq, totals } = ledger;
  return {
    uid,
    name,
    budget,
    period,
    cap,
    enforcement,
    ...(ledger.parent && { parent: ledger.parent.budget }),
    ...totals,
    ...turnover(ledger),
    available: available(ledger),
    seq,
    holders: countHolders(ledger),
  };
}

/** Folded rows keep the sums of theirs, so that neither figure ever goes back. */
function turnover({ rows }: Ledger): { granted: NanoCu; returned: NanoCu } {
  let [granted, returned] = [0n, 0n];
  for (const row of rows.values()) {
    granted += row.granted;
    returned += row.returned;
  }
  return { granted, returned };
}
