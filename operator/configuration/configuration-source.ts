import type { ConfigurationAnswer } from '../../accounting/configuration-messages.ts';
import type { BudgetRef } from './budget-ref.ts';

/** What sidecars are told of their budgets; always answers, for unknown budgets with `BudgetNotFound`. */
export interface ConfigurationSource {
  /** The configurations of these budgets in this order, and an etag over all of them; without recalls. */
  current(budgets: readonly BudgetRef[]): ConfigurationAnswer;
  /**
   * As `current`, at once if its etag differs from `seen`, else as soon as it does or when `timeoutMs` have passed.
   * Where only a recall of the holder is news, without the configurations.
   * Rejects with the signal's reason when that fires first.
   */
  waitForChange(budgets: readonly BudgetRef[], wait: ConfigurationWait): Promise<ConfigurationAnswer>;
  /** The deletion of this holder's pod was asked for: it is told once to return what it has idle. */
  noteLeaving(holder: string): void;
}

export interface ConfigurationWait {
  /** Absent: the caller has seen nothing yet. */
  seen?: string | undefined;
  /** Key of the rows of the pod that asks. */
  holder: string;
  /** Numbers of the recall rounds that the caller has heeded, by name of the budget. */
  recalls?: Record<string, number> | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}
