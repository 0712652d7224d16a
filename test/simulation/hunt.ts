import type { Mutation } from './mutate.ts';
import { plant } from './mutate.ts';

/** What was found of a planted fault. */
export interface Catch {
  /** The seed whose history broke a rule, and the rule; undefined: none did. */
  readonly seed: number | undefined;
  readonly rule: string;
  /** Steps of that history, made short; 0 where that was not asked for. */
  readonly steps: number;
}

/** Looks for the first seed that notices a fault. For a process of its own: the fault stays planted. */
export async function hunt(
  fault: Mutation,
  { seeds, shorten }: { seeds: number; shorten: boolean },
): Promise<Catch> {
  plant([fault]);
  // Only now: what was imported before has no fault in it.
  const { run } = await import('./run.ts');
  const { scheduleOf } = await import('./schedule.ts');
  const { shrink } = await import('./shrink.ts');
  for (let seed = 0; seed < seeds; seed += 1) {
    const schedule = scheduleOf(seed);
    const { violation, at } = await run(schedule);
    if (!violation) continue;
    const steps = shorten ? (await shrink(schedule, violation.rule, at)).length : 0;
    return { seed, rule: violation.rule, steps };
  }
  return { seed: undefined, rule: '', steps: 0 };
}
