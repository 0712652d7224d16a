import { allowedBudgets, budgetLabel, budgetsAnnotation } from '../lease-service/allowed-budgets.ts';
import type { BudgetChoice } from '../lease-service/allowed-budgets.ts';
import type { Refusal } from './validate.ts';

/** The budgets of a pod, the default first, or why there are none. */
export type Selection = { budgets: readonly [string, ...string[]] } | { refusal: Refusal };

/**
 * Which budgets a pod names, by the rule by which it is later allowed to spend. Whether they exist is not asked: things are applied in
 * any order, and its sidecar says so.
 */
export function selectBudgets(choice: BudgetChoice): Selection {
  const source = sourceOf(choice);
  if (source === undefined) {
    const message = `neither the pod nor its namespace has the label ${budgetLabel}; set it to the name of a SapAiBudget`;
    return { refusal: { reason: 'budget_missing', message } };
  }
  const written = new Set(source.text.split(',').map((name) => name.trim()));
  const [first, ...more] = allowedBudgets(choice).map(({ name }) => name);
  // Fewer: something in it is no name, or there are too many.
  if (first === undefined || more.length + 1 < written.size) {
    const message = `${source.where} must hold names of SapAiBudgets, at most 64, separated by commas`;
    return { refusal: { reason: 'budget_invalid', message } };
  }
  return { budgets: [first, ...more] };
}

function sourceOf(choice: BudgetChoice): { text: string; where: string } | undefined {
  const sources = [
    { text: choice.annotations[budgetsAnnotation], where: `annotation ${budgetsAnnotation} of the pod` },
    { text: choice.labels[budgetLabel], where: `label ${budgetLabel} of the pod` },
    { text: choice.namespaceLabels[budgetLabel], where: `label ${budgetLabel} of the namespace` },
  ];
  return sources.flatMap(({ text, where }) => (text === undefined ? [] : [{ text, where }]))[0];
}
