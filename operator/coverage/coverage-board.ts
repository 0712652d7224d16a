import type { Coverage } from './count-pods.ts';

const noPods: Coverage = { selected: 0, enforced: 0, missing: [] };

/** The coverage of all budgets as it was counted last. */
export class CoverageBoard {
  #counts: ReadonlyMap<string, Coverage> | undefined;
  #isComplete = false;

  /** By the budget's key; undefined while too little is known to say that a pod has no sidecar. */
  get(key: string): Coverage | undefined {
    if (this.#counts === undefined) return undefined;
    const found = this.#counts.get(key) ?? noPods;
    return this.#isComplete || found.enforced === found.selected ? found : undefined;
  }

  /**
   * Takes over a count; says for which of these budgets (keys) more or other is known than before.
   *
   * @param isComplete whether every sidecar that reports has been heard by then
   */
  put(
    counts: ReadonlyMap<string, Coverage>,
    { budgets, isComplete }: { budgets: readonly string[]; isComplete: boolean },
  ): string[] {
    const known = (): string[] => budgets.map((key) => JSON.stringify(this.get(key)) ?? '');
    const before = known();
    this.#counts = counts;
    this.#isComplete = isComplete;
    const after = known();
    return budgets.filter((_, index) => after[index] !== before[index]);
  }
}
