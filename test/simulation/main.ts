/**
 * Histories of leases under faults, by seed. `SEEDS` (default 10,000) says how many, `FROM` the first one; `SEED` replays
 * one and shortens it if it breaks a rule; `FAULTS=1` only shows that planted faults are noticed, `FAULTS=0` leaves that out.
 */
import { cases } from './cases.ts';
import { wholeNumber } from './settings.ts';

const seed = wholeNumber('SEED', { fallback: -1, min: 0, max: 0xffff_ffff });
const faults = wholeNumber('FAULTS', { fallback: -1, min: 0, max: 1 });

if (process.argv[2] !== undefined) await cases.answer(process.argv[2]);
else if (seed >= 0) {
  // Only now: a part that plants a fault must not have loaded the product before.
  const { replay } = await import('./replay.ts');
  process.exitCode = (await replay(seed)) ? 0 : 1;
} else process.exitCode = (await cases.all({ histories: faults !== 1, faults: faults !== 0 })) ? 0 : 1;
