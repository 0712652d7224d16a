import { run } from './run.ts';
import type { Schedule, Step } from './schedule.ts';
import type { Rule } from './violation.ts';

/** Most histories that are tried to make one shorter. */
const maxTries = 300;

/**
 * A short history that breaks the same rule: leaves out ever smaller pieces of the one that was found, and keeps every
 * one without which the rule is still broken.
 */
export async function shrink(found: Schedule, rule: Rule, at: number): Promise<readonly Step[]> {
  const shortener = new Shortener(found, rule);
  const cut = found.steps.slice(0, at + 1);
  let steps = (await shortener.breaks(cut)) ? cut : found.steps;
  for (let size = Math.ceil(steps.length / 2); size > 1; size = Math.ceil(size / 2))
    steps = await shortener.withoutPieces(steps, size);
  for (let before = steps.length + 1; steps.length < before && !shortener.tired;) {
    before = steps.length;
    steps = await shortener.withoutPieces(steps, 1);
  }
  return steps;
}

class Shortener {
  readonly #found: Schedule;
  readonly #rule: Rule;
  #tries = 0;

  constructor(found: Schedule, rule: Rule) {
    this.#found = found;
    this.#rule = rule;
  }

  get tired(): boolean {
    return this.#tries >= maxTries;
  }

  async breaks(steps: readonly Step[]): Promise<boolean> {
    this.#tries += 1;
    const { violation } = await run({ setup: this.#found.setup, steps });
    return violation?.rule === this.#rule;
  }

  /** Leaves out every piece of that many steps that the rule is broken without, the last ones first. */
  async withoutPieces(all: readonly Step[], size: number): Promise<readonly Step[]> {
    let steps = all;
    for (let from = steps.length - size; from > -size && !this.tired; from -= size) {
      const without = steps.filter((_, index) => index < from || index >= from + size);
      if (without.length < steps.length && (await this.breaks(without))) steps = without;
    }
    return steps;
  }
}
