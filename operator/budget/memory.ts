import type { SapAiBudgetStatus } from '../../crds/budget.ts';
import type { Inventory } from '../sap/inventory.ts';
import type { SapError } from '../sap/sap-error.ts';

/** What a budget's reconciles leave each other; lost with the process, and found again by the next ones. */
export interface BudgetMemory {
  /** What AI Core said last, and by which key and groups it was asked. */
  inventory?: { source: string; value: Inventory; readAtMs: number };
  /** AI Core is not asked again before this. */
  failure?: { source: string; error: SapError; untilMs: number; count: number };
  /** The status as it was written last: the cache may be behind it. */
  written?: { uid: string; status: SapAiBudgetStatus; atMs: number };
}

/** The memories of all budgets, by key. */
export class BudgetMemories {
  readonly #byKey = new Map<string, BudgetMemory>();

  of(key: string): BudgetMemory {
    const memory = this.#byKey.get(key) ?? {};
    this.#byKey.set(key, memory);
    return memory;
  }
  forget(key: string): void {
    this.#byKey.delete(key);
  }
}
