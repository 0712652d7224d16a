import { expect, test } from 'vitest';
import { type LoadSample, cpuPerThousand, median, pairedRatio, quantile, throughput } from './figures.ts';

const sample = (rest: Partial<LoadSample>): LoadSample => ({
  round: 1,
  contestant: 'nginx',
  units: 1000,
  cpuSeconds: 1,
  wallSeconds: 1,
  ...rest,
});

test.each([
  { name: 'of an odd number is the middle one', given: [9, 1, 2], want: 2 },
  { name: 'of an even number is between the middle two', given: [4, 1, 2, 10], want: 3 },
  { name: 'of nothing is nothing', given: [], want: undefined },
])('a median $name', ({ given, want }) => {
  expect(median(given)).toBe(want);
});

test('a quantile is a value that was measured', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect([quantile(values, 0.5), quantile(values, 0.99), quantile([7], 0.99)]).toEqual([100, 198, 7]);
});

test('CPU time is told for a thousand', () => {
  expect(cpuPerThousand(sample({ units: 50_000, cpuSeconds: 2 }))).toBe(0.04);
});

test('a proxy whose core was not busy has no throughput', () => {
  expect(throughput(sample({ cpuSeconds: 0.94 }))).toBeUndefined();
  expect(throughput(sample({ cpuSeconds: 0.96, units: 3000, wallSeconds: 1 }))).toBe(3000);
});

test('ratios are taken within a round, so that a slow round changes none of them', () => {
  const samples = [1, 2, 3].flatMap((round) => [
    sample({ round, cpuSeconds: round }),
    sample({ round, cpuSeconds: 2 * round, contestant: 'sidecar' }),
  ]);
  expect(pairedRatio(samples, { contestant: 'sidecar', figure: cpuPerThousand })).toEqual({
    ratio: 2,
    rounds: 3,
  });
});

test('a round without one of the two figures does not count', () => {
  const samples = [
    sample({ round: 1, cpuSeconds: 0.5 }),
    sample({ round: 1, contestant: 'sidecar' }),
    sample({ round: 2, units: 4000 }),
    sample({ round: 2, contestant: 'sidecar' }),
  ];
  const wanted = { contestant: 'sidecar', figure: throughput } as const;
  expect(pairedRatio(samples, wanted)).toEqual({ ratio: 0.25, rounds: 1 });
  expect(pairedRatio(samples.slice(0, 2), wanted)).toBeUndefined();
});
