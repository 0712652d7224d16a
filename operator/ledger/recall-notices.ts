import type { BudgetRef } from '../configuration/budget-ref.ts';

/** A recall round, and the holders (keys of their rows) that are asked in it. */
export interface RecallNotice {
  number: number;
  keys: readonly string[];
}

/** Brings recall rounds to the holders that are asked; must not throw. */
export interface RecallNotices {
  /** From now on these holders are told the number of the round. */
  recall(budget: BudgetRef, round: RecallNotice): void;
  /** They have answered, or need not any more. */
  withdraw(budget: BudgetRef, keys: Iterable<string>): void;
}
