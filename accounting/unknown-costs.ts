import type { NanoCu } from './amount.ts';
import type { UnknownCost, UnknownReason } from './messages.ts';

/** What one request, which is over, can have cost at most. */
export interface Unknown {
  amount: NanoCu;
  /** Since when nobody knows, ms since the epoch by the holder's clock. */
  sinceMs: number;
  reason: UnknownReason;
}

/** Unknown costs of a lease: the newest by request, those before them by reason. */
export interface UnknownCosts {
  unknowns: Map<string, Unknown>;
  unknownSums: Map<UnknownReason, UnknownCost>;
}

/**
 * Unknown costs that are kept one by one, and can be resolved: beyond them a journal would only get longer. The oldest
 * are summed by reason, as the ledger has them.
 */
export const maxUnknowns = 1000;

/** Costs that are unknown now, summed by reason, in a stable order. */
export function unknownByReason({ unknowns, unknownSums }: UnknownCosts): UnknownCost[] {
  const sums = new Map(unknownSums);
  for (const unknown of unknowns.values()) addUnknown(sums, unknown);
  return [...sums.values()].sort((a, b) => (a.reason < b.reason ? -1 : 1));
}

function addUnknown(sums: Map<UnknownReason, UnknownCost>, { reason, amount, sinceMs }: Unknown): void {
  const sum = sums.get(reason) ?? { reason, count: 0, amount: 0n, sinceMs };
  sums.set(reason, {
    reason,
    count: sum.count + 1,
    amount: sum.amount + amount,
    sinceMs: Math.min(sum.sinceMs, sinceMs),
  });
}

/** Sums the oldest cost where more are kept than may be. */
export function sumOldest({ unknowns, unknownSums }: UnknownCosts): void {
  const [oldest] = unknowns;
  if (unknowns.size <= maxUnknowns || oldest === undefined) return;
  unknowns.delete(oldest[0]);
  addUnknown(unknownSums, oldest[1]);
}
