import { run } from './run.ts';
import type { Step } from './schedule.ts';
import { scheduleOf } from './schedule.ts';
import { shrink } from './shrink.ts';
import type { Assumption, Setup } from './world.ts';

/** Lets the history of a seed happen again, and tells a short one that breaks the same rule; true: it breaks none. */
export async function replay(seed: number): Promise<boolean> {
  const schedule = scheduleOf(seed);
  const { violation, at, effective } = await run(schedule);
  const { setup, mix, steps } = schedule;
  console.log(`seed ${seed} (${mix}): ${describe(setup)}`);
  if (!violation) {
    console.log(`${steps.length} steps, ${effective} of them did something; no rule is broken`);
    return true;
  }
  console.log(`step ${at} of ${steps.length} breaks a rule: ${violation.message}`);
  if (violation.cause instanceof Error) console.log(violation.cause.stack);
  const short = await shrink(schedule, violation.rule, at);
  console.log(`\nThe same rule is broken by ${short.length} steps:\n`);
  await tell({ setup, steps: short });
  return false;
}

async function tell(history: { setup: Setup; steps: readonly Step[] }): Promise<void> {
  const { violation } = await run(history, (line) => console.log(`  ${line}`));
  console.log(`\n${violation?.message ?? 'no rule is broken'}`);
}

const names: Readonly<Record<Assumption, string>> = {
  A1: 'requests may cost more than their bound',
  A2: 'two processes may spend one lease',
  A3: 'evidence may miss something',
  A4: 'a ledger may go back in time',
};

function describe({ pods, replicas, cap, breaks }: Setup): string {
  const broken = breaks.map((assumption) => `; ${names[assumption]}`).join('');
  return `${pods} pods, ${replicas} operators, a cap of ${cap} nano-CU${broken}`;
}
