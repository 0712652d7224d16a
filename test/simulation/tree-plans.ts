import type { NanoCu } from '../../accounting/amount.ts';
import type { BudgetPlan } from './family.ts';
import type { Random } from './random.ts';

/** A tree of this many children of the root, and in some histories one budget below one of them. */
export function plansOf(cap: NanoCu, children: number, random: Random): readonly BudgetPlan[] {
  const plans = Array.from({ length: children }, (_, index) =>
    planOf({ name: `child-${index}`, above: 0, limit: cap }, random),
  );
  const above = 1 + random.below(children);
  const limit = plans[above - 1]?.limit ?? cap;
  return random.chance(0.4) ? [...plans, planOf({ name: 'grandchild', above, limit }, random)] : plans;
}

/** Limits are often more than what the budget above has; guarantees are rarely more than its cap together. */
function planOf(
  { name, above, limit }: { name: string; above: number; limit: NanoCu },
  random: Random,
): BudgetPlan {
  return {
    ref: { namespace: `team-${random.below(3)}`, name },
    above,
    limit: (limit * BigInt(3 + random.below(10))) / 10n,
    guaranteed: random.chance(0.5) ? (limit * BigInt(1 + random.below(4))) / 10n : 0n,
    weight: random.chance(0.5) ? 1 + random.below(5) : 1,
  };
}
