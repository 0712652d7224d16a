import { run } from './run.ts';
import { scheduleOf } from './schedule.ts';

/** What came of many histories. */
export interface Tally {
  seeds: number;
  /** Steps that did something. */
  steps: number;
  /** Seeds whose history broke a rule, and which. */
  failures: { seed: number; mix: string; message: string }[];
}

/** Runs the histories of these seeds, one after the other. */
export async function runSeeds({ from, to }: { from: number; to: number }): Promise<Tally> {
  const tally: Tally = { seeds: 0, steps: 0, failures: [] };
  for (let seed = from; seed < to; seed += 1) {
    const schedule = scheduleOf(seed);
    const { effective, violation } = await run(schedule);
    tally.seeds += 1;
    tally.steps += effective;
    if (violation) tally.failures.push({ seed, mix: schedule.mix, message: violation.message });
  }
  return tally;
}
