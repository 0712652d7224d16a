import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { plantedFaults } from './faults.ts';
import { hunt } from './hunt.ts';
import type { Part } from './parts.ts';
import { inParallel, inProcess } from './parts.ts';
import { wholeNumber } from './settings.ts';

/** Histories that one process runs before the next one takes over. */
const seedsAtOnce = 100;
/** So often is told how far it is. */
const tellEverySeeds = 1000;
/** Within so many seeds each planted fault must be noticed. */
const faultSeeds = 1000;

const tally = z.object({
  seeds: z.number(),
  steps: z.number(),
  failures: z.array(z.object({ seed: z.number(), mix: z.string(), message: z.string() })),
});
const caught = z.object({ seed: z.number().optional(), rule: z.string(), steps: z.number() });
const partSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('seeds'), from: z.number(), to: z.number() }),
  z.object({ kind: z.literal('fault'), name: z.string(), seeds: z.number(), shorten: z.boolean() }),
]);

/** Does one part, and prints what came of it as JSON. */
async function answer(text: string): Promise<void> {
  const part: Part = partSchema.parse(JSON.parse(text));
  if (part.kind === 'seeds') {
    const { runSeeds } = await import('./seeds.ts');
    console.log(JSON.stringify(await runSeeds(part)));
    return;
  }
  const fault = plantedFaults.find(({ name }) => name === part.name);
  if (!fault) throw new Error(`no fault is called "${part.name}"`);
  console.log(JSON.stringify(await hunt(fault, part)));
}

/** Runs all of it; true: no rule was broken, and every planted fault was noticed. */
async function all({ histories, faults }: { histories: boolean; faults: boolean }): Promise<boolean> {
  const held = !histories || (await runHistories());
  return (!faults || (await noticeFaults())) && held;
}

async function runHistories(): Promise<boolean> {
  const from = wholeNumber('FROM', { fallback: 0, min: 0, max: 0xffff_ffff });
  const to = from + wholeNumber('SEEDS', { fallback: 10_000, min: 1, max: 1_000_000_000 });
  const sum = { seeds: 0, steps: 0, failures: 0 };
  const startedMs = performance.now();
  const pieces: Part[] = [];
  for (let at = from; at < to; at += seedsAtOnce)
    pieces.push({ kind: 'seeds', from: at, to: Math.min(to, at + seedsAtOnce) });
  await inParallel(pieces, availableParallelism(), async (piece) => {
    const { seeds, steps, failures } = tally.parse(await inProcess(piece));
    sum.seeds += seeds;
    sum.steps += steps;
    sum.failures += failures.length;
    if (sum.seeds % tellEverySeeds === 0) console.log(`${sum.seeds} seeds, ${sum.steps} steps so far`);
    for (const { seed, mix, message } of failures)
      console.log(`seed ${seed} (${mix}): ${message}\n  replay: make simulate SEED=${seed}`);
  });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(
    `${sum.seeds} seeds from ${from}, ${sum.steps} steps that did something, ${sum.failures} broke a rule; ${seconds} s`,
  );
  return sum.failures === 0;
}

async function noticeFaults(): Promise<boolean> {
  let noticed = 0;
  console.log('\nplanted fault | noticed by seed | steps, shortened | rule');
  await inParallel(plantedFaults, availableParallelism(), async ({ name }) => {
    const { seed, rule, steps } = caught.parse(
      await inProcess({ kind: 'fault', name, seeds: faultSeeds, shorten: true }),
    );
    if (seed !== undefined) noticed += 1;
    console.log(seed === undefined ? `${name} | not noticed` : `${name} | ${seed} | ${steps} | ${rule}`);
  });
  console.log(`${noticed} of ${plantedFaults.length} planted faults noticed within ${faultSeeds} seeds`);
  return noticed === plantedFaults.length;
}

/** What the program can be asked for. */
export const cases = { answer, all };
