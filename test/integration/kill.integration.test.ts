import { expect, test } from 'vitest';
import { killInTraffic } from '../kill/kill-in-traffic.ts';
import { verdictLines } from '../world/comparison.ts';

test('killed sidecars and operators lose nothing, hold no more than was under way, and the rest can be spent', async () => {
  const verdicts = await killInTraffic({ rounds: 2, seed: 7, say: () => {} });
  expect(verdictLines(verdicts.filter(({ holds }) => !holds))).toEqual([]);
  expect(verdicts.length).toBeGreaterThan(12);
}, 240_000);
