import { type BudgetRef, budgetKey } from '../configuration/budget-ref.ts';
import type { Clock } from '../kube/clock.ts';
import type { LedgerStore } from './ledger-store.ts';

/** How soon the ledgers of one budget are listed again for a uid that was not among them. */
const searchPauseMs = 10_000;
/** Budgets that are remembered at once. */
const maxSearches = 4096;

/** Names of ledgers by uid, listed seldom enough that messages which name what is not there cost little. */
export class LedgerNames {
  readonly #options: { store: Pick<LedgerStore, 'namesOf'>; clock: Clock; signal: AbortSignal };
  /** By budget: when its ledgers were last listed, and their names by uid. */
  readonly #searches = new Map<string, { atMs: number; names: Promise<ReadonlyMap<string, string>> }>();

  constructor(options: { store: Pick<LedgerStore, 'namesOf'>; clock: Clock; signal: AbortSignal }) {
    this.#options = options;
  }

  /** The name of a budget's ledger, as it was listed a moment ago at most. Rejects with a KubeError. */
  async find(uid: string, budget: BudgetRef): Promise<string | undefined> {
    return (await this.#namesOf(budget)).get(uid);
  }

  #namesOf(budget: BudgetRef): Promise<ReadonlyMap<string, string>> {
    const { clock, store, signal } = this.#options;
    const key = budgetKey(budget);
    const last = this.#searches.get(key);
    const atMs = clock.nowMs();
    if (last !== undefined && atMs - last.atMs < searchPauseMs) return last.names;
    const names = store.namesOf(budget, { signal });
    names.catch(() => this.#searches.delete(key));
    this.#searches.delete(key);
    this.#searches.set(key, { atMs, names });
    const [oldest] = this.#searches.keys();
    if (this.#searches.size > maxSearches && oldest !== undefined) this.#searches.delete(oldest);
    return names;
  }
}
