import { type NanoCu, maxQuantity, parseQuantity } from '../../accounting/amount.ts';
import type { SapAiBudgetSpec } from '../../crds/budget.ts';

/** The cap of this moment (nano-CU), and when it changes by itself (ms since the epoch), if it does. */
export interface CapInForce {
  readonly cap: NanoCu;
  readonly changesAtMs?: number;
}

/** The monthly limit with the raises that have not ended, at most what a ledger can count. */
export function capInForce(
  { monthlyLimit, raises = [] }: Pick<SapAiBudgetSpec, 'monthlyLimit' | 'raises'>,
  nowMs: number,
): CapInForce {
  const running = raises.filter(({ until }) => Date.parse(until) > nowMs);
  const sum = running.reduce(
    (cap, { capacityUnits }) => cap + parseQuantity(capacityUnits),
    parseQuantity(monthlyLimit),
  );
  const cap = sum < maxQuantity ? sum : maxQuantity;
  if (running.length === 0) return { cap };
  return { cap, changesAtMs: Math.min(...running.map(({ until }) => Date.parse(until))) };
}
