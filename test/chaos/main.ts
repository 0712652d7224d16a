/**
 * Several operators and tens of sidecars, traffic near the cap, and one fault after the other, on a real API server.
 * `ROUNDS` (default 22: every fault twice), `SIDECARS` (20), `OPERATORS` (3) and `SEED` may be set; the seed is printed.
 */
import { verdictLines } from '../world/comparison.ts';
import { interruptible } from '../world/interrupt.ts';
import { wholeNumber } from '../world/settings.ts';
import { faults } from './faults.ts';
import { tallyLines } from './report.ts';
import { runChaos } from './run.ts';

const rounds = wholeNumber('ROUNDS', { fallback: 2 * faults.length, min: 1, max: 10_000 });
const sidecars = wholeNumber('SIDECARS', { fallback: 20, min: 2, max: 200 });
const operators = wholeNumber('OPERATORS', { fallback: 3, min: 2, max: 9 });
const seed = wholeNumber('SEED', { fallback: 1, min: 0, max: 0xffff_ffff });

await interruptible(async (signal) => {
  console.log(`seed ${seed}, ${rounds} rounds, ${operators} operators, ${sidecars} sidecars`);
  const options = { rounds, sidecars, operators, seed, signal };
  const report = await runChaos({ ...options, say: (line) => console.log(line) });
  for (const line of [...verdictLines(report.verdicts), ...tallyLines(report)]) console.log(line);
  return report.verdicts.every(({ holds }) => holds);
});
