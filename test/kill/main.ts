/**
 * Kills the sidecar, then the operator, in mid-traffic, many times, and holds SAP's books against the ledger after
 * every kill. `ROUNDS` (default 6 of each) and `SEED` may be set; the seed is printed.
 */
import { verdictLines } from '../world/comparison.ts';
import { interruptible } from '../world/interrupt.ts';
import { wholeNumber } from '../world/settings.ts';
import { killInTraffic } from './kill-in-traffic.ts';

const rounds = wholeNumber('ROUNDS', { fallback: 6, min: 1, max: 1000 });
const seed = wholeNumber('SEED', { fallback: 1, min: 0, max: 0xffff_ffff });

await interruptible(async (signal) => {
  console.log(`seed ${seed}, ${rounds} kills of each`);
  const verdicts = await killInTraffic({ rounds, seed, signal, say: (line) => console.log(line) });
  for (const line of verdictLines(verdicts)) console.log(line);
  return verdicts.every(({ holds }) => holds);
});
