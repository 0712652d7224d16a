import type { SapAiBudgetStatus } from '../../crds/budget.ts';
import type { Observation } from '../kube/conditions.ts';

/** Where a subscription stands, as the budget's status says it. */
export type Subscription = NonNullable<SapAiBudgetStatus['subscription']>;

/** What was seen last of a budget's billed usage and entitlement; what is missing was not looked at yet. */
export interface UsageReport {
  synced?: Observation;
  entitled?: Observation;
  subscription?: Subscription;
}

/** What the poller found, for the one place that writes the status of budgets. */
export class UsageBoard {
  readonly #byBudget = new Map<string, UsageReport>();

  /** By the budget's key; undefined: nothing was seen since this process began. */
  get(budget: string): UsageReport | undefined {
    return this.#byBudget.get(budget);
  }
  /** Adds what was seen now; the rest stays. */
  report(budget: string, seen: UsageReport): void {
    this.#byBudget.set(budget, { ...this.#byBudget.get(budget), ...seen });
  }
  forget(budget: string): void {
    this.#byBudget.delete(budget);
  }
}
