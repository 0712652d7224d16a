import { describe, expect, test } from 'vitest';
import { plantedFaults } from './faults.ts';
import { checkTexts } from './mutate.ts';
import { inProcess } from './parts.ts';
import { run } from './run.ts';
import { mixes, scheduleOf } from './schedule.ts';
import { runSeeds } from './seeds.ts';
import { shrink } from './shrink.ts';

/** A machine with two cores may be busy with other things. */
const patienceMs = 240_000;
/** Noticed by one of the first seeds, each by another rule. */
const quicklyNoticed = [
  'grants what is not left',
  'a repeated ask is granted again',
  'an expired lease is free again',
  'what is returned is still spent',
];

async function storyOf(seed: number): Promise<string[]> {
  const lines: string[] = [];
  await run(scheduleOf(seed), (line) => lines.push(line));
  return lines;
}

describe('leases under faults', { timeout: patienceMs }, () => {
  test('keep every promise in the histories of several hundred seeds', async () => {
    const { failures, steps } = await runSeeds({ from: 0, to: 300 });
    expect(failures).toEqual([]);
    expect(steps).toBeGreaterThan(200_000);
  });

  test('have the same history each time for a seed', async () => {
    expect(await storyOf(11)).toEqual(await storyOf(11));
  });

  test.each(quicklyNoticed)('are noticed to break a rule where the product %s', async (name) => {
    expect(await inProcess({ kind: 'fault', name, seeds: 20, shorten: false })).toMatchObject({
      seed: expect.any(Number),
    });
  });
});

test('all faults can still be planted', () => {
  expect(() => checkTexts(plantedFaults)).not.toThrow();
});

test('a fault whose text is gone is not planted in silence', () => {
  const gone = { file: 'accounting/lease.ts', text: 'no such text', instead: '' };
  expect(() => checkTexts([gone])).toThrow('plant it anew');
});

test('the shares of all kinds of histories are a hundred', () => {
  expect(Object.values(mixes).reduce((sum, { share }) => sum + share, 0)).toBe(100);
});

test('a history is made as short as it can be', async () => {
  const step = { pod: 0, a: 0, b: 0, c: 0 } as const;
  // Too little time goes by for any rule to be broken: what is left of a history that breaks none is all of it.
  const steps = [step, step, step].map((given) => ({ ...given, op: 'waitShort' as const }));
  const setup = { pods: 1, replicas: 1, cap: 1n, breaks: [] };
  expect(await shrink({ mix: 'none', setup, steps }, 'grant within the cap', 2)).toEqual(steps);
});
