import { expect, test } from 'vitest';
import { leaseEnd, leaseLife } from './lease-life.ts';
import { ledgerOf } from './recall-scene.ts';

test.each([
  { name: 'full while more than a tenth of the cap is left', held: 90n, free: 10n, life: 300, seconds: 300 },
  { name: 'shorter the less is left', held: 95n, free: 5n, life: 150, seconds: 300 },
  { name: 'a minute at least', held: 99n, free: 1n, life: 60, seconds: 300 },
  { name: 'a minute when nothing is left', held: 100n, free: 0n, life: 60, seconds: 300 },
  { name: 'a minute when more is out than the cap allows', held: 100n, free: -50n, life: 60, seconds: 300 },
  { name: 'never longer than it was set to', held: 100n, free: 0n, life: 30, seconds: 30 },
  { name: 'as short as it may be with a cap of nothing', held: 100n, free: -100n, life: 60, seconds: 300 },
])('the life of a lease is $name', ({ held, free, life, seconds }) => {
  const ledger = ledgerOf({ a: held }, free);
  expect(leaseLife(ledger, seconds)).toBe(life);
  expect(leaseEnd(ledger, { nowMs: 5999, leaseSeconds: seconds })).toBe(5 + life);
});
