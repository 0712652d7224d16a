import { expect, test } from 'vitest';
import { runChaos } from '../chaos/run.ts';
import { verdictLines } from '../world/comparison.ts';

// `make chaos` has every fault, more often, and more pods.
test('whatever fails, what SAP bills is within the cap, and nothing is left over in the end', async () => {
  const options = { operators: 2, sidecars: 4, rounds: 4, seed: 9, say: () => {} };
  const { verdicts, inFaults, calm } = await runChaos(options);
  expect(verdictLines(verdicts.filter(({ holds }) => !holds))).toEqual([]);
  expect(verdicts.length).toBeGreaterThan(15);
  expect(inFaults.served).toBeGreaterThan(10);
  expect(calm.refused.get('insufficient_quota')).toBeGreaterThan(0);
}, 420_000);
