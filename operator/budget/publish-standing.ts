import type { Condition } from '../kube/conditions.ts';
import { isAllowed } from '../configuration/price-models.ts';
import { keyOf } from './family.ts';
import { remembered } from './memory.ts';
import { aiCoreOf } from './root-spec.ts';
import type { Offer } from './standings.ts';
import type { BudgetContext } from './step.ts';

/** Tells budgets below this one where it stands. */
export function publishStanding(context: BudgetContext, conditions: readonly Condition[]): void {
  const { budget, services, found } = context;
  const { ledger } = found;
  const offer = offerOf(context);
  const ready = conditions.find(({ type }) => type === 'Ready');
  services.standings.publish(keyOf(budget), {
    uid: budget.metadata.uid ?? '',
    ...(ledger && !ledger.problem && { ledger }),
    ...(offer && { offer }),
    ...((!offer || !ledger) && ready && { problem: { reason: ready.reason, message: ready.message } }),
  });
}

/** What requests are made and priced with; undefined while something of it is missing. */
export function offerOf({ budget, memory, found }: BudgetContext): Offer | undefined {
  const { serviceKey, inventory, card, models, offer: above } = found;
  if (!serviceKey || !inventory || !card || !models) return undefined;
  const own = budget.spec.allowedModels;
  const from = [models, budget.metadata.generation];
  const allowed = remembered(memory.offered, from) ?? models.filter(({ model }) => isAllowed(model, own));
  memory.offered = { from, value: allowed };
  return {
    serviceKey,
    inventory,
    card,
    models: allowed,
    allowedModels: own.length > 0 || !above ? own : above.allowedModels,
    resourceGroups: above?.resourceGroups ?? aiCoreOf(budget.spec).resourceGroups,
  };
}
