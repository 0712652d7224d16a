import type { Clock } from '../kube/clock.ts';
import { budgetKey } from './budget-ref.ts';
import type { BudgetRef } from './budget-ref.ts';

/** Least time between two recall rounds of one budget: holders answer one well within it. */
const betweenRoundsMs = 500;

/** Begins recall rounds, of each budget one at once and after that no more than two a second. */
export class RecallRounds {
  readonly #clock: Clock;
  readonly #begin: (budget: BudgetRef) => void;
  /** By budget, for as long as its last round is recent: whether another one is wanted. */
  readonly #recent = new Map<string, { wanted: boolean }>();

  constructor({ clock, begin }: { clock: Clock; begin: (budget: BudgetRef) => void }) {
    this.#clock = clock;
    this.#begin = begin;
  }

  /** A round begins now, or as soon as the last one is old enough. */
  want(budget: BudgetRef): void {
    const key = budgetKey(budget);
    const recent = this.#recent.get(key);
    if (recent) {
      recent.wanted = true;
      return;
    }
    const begun = { wanted: false };
    this.#recent.set(key, begun);
    this.#clock.after(betweenRoundsMs, () => {
      this.#recent.delete(key);
      if (begun.wanted) this.want(budget);
    });
    this.#begin(budget);
  }
}
