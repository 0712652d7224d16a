import { isOverpromised } from '../../accounting/ledger-shares.ts';
import type { Observation } from '../kube/conditions.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import { keyOf, promisesOf } from './family.ts';
import type { BudgetContext } from './step.ts';

/** Reason where the guarantees below a budget are more than its cap together. */
export const guaranteeNotCovered = 'GuaranteeNotCovered';

/** Whether this budget's cap covers what it promises to those below it. */
export function coversPromises({ budget, services, found }: BudgetContext): boolean {
  return found.ledger === undefined || covers(budget, found.ledger, services);
}

/** What a budget with a guarantee is told of it: none for one without. */
export function guaranteeObservations({ budget, services, found }: BudgetContext): Observation[] {
  const type = 'GuaranteeCovered';
  const { parent } = found;
  if (budget.spec.guaranteed === undefined || parent === undefined) return [];
  const name = keyOf(parent.budget);
  if (covers(parent.budget, parent.standing.ledger, services))
    return [{ type, status: 'True', reason: type, message: `It is set aside in budget ${name}.` }];
  const message = `The guarantees below budget ${name} are more than its limit together: they are covered in proportion. Lower some of them, or raise that limit.`;
  return [{ type, status: 'False', reason: guaranteeNotCovered, message }];
}

function covers(
  budget: Parameters<typeof promisesOf>[0],
  { cap }: LedgerSnapshot,
  { relatives }: Pick<BudgetContext['services'], 'relatives'>,
): boolean {
  return !isOverpromised(promisesOf(budget, relatives).values(), cap);
}
