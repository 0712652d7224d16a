import type { BudgetRef } from '../configuration/budget-ref.ts';

/** Names the budget of a pod, or of all pods of a namespace. */
export const budgetLabel = 'sapai.eerly.ai/budget';
/** Names several budgets of one pod, separated by commas. */
export const budgetsAnnotation = 'sapai.eerly.ai/budgets';

/** Most budgets that one pod may name: as many as a configuration answer has room for. */
const maxBudgets = 64;
const budgetName = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

/** What says which budgets a pod may spend from. */
export interface BudgetChoice {
  namespace: string;
  annotations: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  /** Labels of its namespace. */
  namespaceLabels: Readonly<Record<string, string>>;
}

/** Whether the pod itself says so, and its namespace's labels need not be known. */
export function choosesItself({
  annotations,
  labels,
}: Pick<BudgetChoice, 'annotations' | 'labels'>): boolean {
  return budgetsAnnotation in annotations || budgetLabel in labels;
}

/**
 * The budgets a pod may spend from, the default first: its annotation, else its label, else its namespace's label.
 * Always budgets of its own namespace; what cannot be a name is left out.
 */
export function allowedBudgets(choice: BudgetChoice): BudgetRef[] {
  const { namespace, annotations, labels, namespaceLabels } = choice;
  const text = annotations[budgetsAnnotation] ?? labels[budgetLabel] ?? namespaceLabels[budgetLabel] ?? '';
  const names = text.split(',').map((name) => name.trim());
  const valid = [...new Set(names)].filter((name) => budgetName.test(name));
  return valid.slice(0, maxBudgets).map((name) => ({ namespace, name }));
}
