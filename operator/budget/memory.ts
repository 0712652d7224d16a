import type { BudgetConfiguration, ModelConfiguration } from '../../accounting/configuration-messages.ts';
import type { SapAiBudgetStatus } from '../../crds/budget.ts';
import type { Inventory } from '../sap/inventory.ts';
import type { SapError } from '../sap/sap-error.ts';

/** What a budget's reconciles leave each other; lost with the process, and found again by the next ones. */
export interface BudgetMemory {
  /** What AI Core said last, and by which key and groups it was asked. */
  inventory?: { source: string; value: Inventory; readAtMs: number };
  /** AI Core is not asked again before this. */
  failure?: { source: string; error: SapError; untilMs: number; count: number };
  /** What the last reconcile made of these very objects: made again only from others. */
  priced?: { from: readonly unknown[]; value: ModelConfiguration[] };
  offered?: { from: readonly unknown[]; value: ModelConfiguration[] };
  configured?: { from: readonly unknown[]; value: BudgetConfiguration };
  /** What people were told last of a release of held amounts. */
  releaseNote?: string | undefined;
  /** The status as it was written last, in that term as leader: the cache may be behind it. */
  written?: { uid: string; term: number; status: SapAiBudgetStatus; atMs: number };
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

/** What was made of these before, if they are the same: by identity, or as plain values. */
export function remembered<T>(
  memo: { from: readonly unknown[]; value: T } | undefined,
  from: readonly unknown[],
): T | undefined {
  if (memo?.from.length !== from.length) return undefined;
  return memo.from.every((part, index) => part === from[index]) ? memo.value : undefined;
}
