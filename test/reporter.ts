import { writeSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule, TestRunEndReason, Vitest } from 'vitest/node';

/** How many tests ended how; `failed` also counts what failed outside any test. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** The line a run closes with: `N passed, N failed`, and `, N skipped` if there are such. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** What a reporter needs to know of a test file. */
export type ModuleOutcome = Pick<TestModule, 'ok'> & {
  children: { allTests(): Iterable<{ result(): { state: 'passed' | 'failed' | 'skipped' | 'pending' } }> };
};

/**
 * Counts tests. A file that fails without a failed test (it cannot be loaded, a hook throws), an error that
 * belongs to no test, and a test that never ended count as failed: a run that is red never says `0 failed`.
 */
export function totalsOf(modules: Iterable<ModuleOutcome>, errorsOutside: number): Totals {
  const totals = { passed: 0, failed: errorsOutside, skipped: 0 };
  for (const module of modules) {
    const before = totals.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      totals[state === 'pending' ? 'failed' : state] += 1;
    }
    if (!module.ok() && totals.failed === before) totals.failed += 1;
  }
  return totals;
}

/** Prints the closing line when the process exits, so that nothing comes after it. Once per run, also a failed one. */
export class ClosingLine implements Reporter {
  #totals: Totals = { passed: 0, failed: 0, skipped: 0 };

  onInit(vitest: Vitest): void {
    // The config is also read by tools that run nothing; only a run gets here.
    if (vitest.config.watch) return;
    process.once('exit', (code) => {
      const silentFailure = code !== 0 && this.#totals.failed === 0;
      const totals = silentFailure ? { ...this.#totals, failed: 1 } : this.#totals;
      writeSync(1, `${closingLine(totals)}\n`);
    });
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    this.#totals = totalsOf(modules, errors.length);
    if (reason === 'interrupted' && this.#totals.failed === 0) this.#totals.failed = 1;
  }
}
