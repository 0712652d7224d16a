import { expect, test } from 'vitest';
import { settleHeld } from './ledger-close.ts';
import { cu, holding, unknown } from './ledger-scene.ts';
import { sumRows } from './ledger.ts';

test('what nobody could explain is settled when the month closes, and nothing is left to release', () => {
  const scene = holding();
  scene.report(2, { spent: 1, unknown: [unknown(2)] });
  scene.expire();
  expect(scene.sums).toEqual([cu(1), 0n, cu(5), cu(4)]);
  expect(settleHeld(scene.ledger)).toBe(cu(5));
  expect(scene.sums).toEqual([cu(6), 0n, 0n, cu(4)]);
  expect(sumRows(scene.ledger.rows.values())).toEqual(scene.ledger.totals);
  expect(settleHeld(scene.ledger)).toBe(0n);
});

test('unknown costs of a holder that has nothing left are settled, too', () => {
  const scene = holding();
  scene.report(2, { spent: 1, returned: 3, unknown: [unknown(2)] });
  expect(settleHeld(scene.ledger)).toBe(cu(2));
  expect(scene.sums).toEqual([cu(3), 0n, 0n, cu(7)]);
});

test('a holder that still has something outstanding goes on', () => {
  const scene = holding();
  const { seq } = scene.ledger;
  expect(settleHeld(scene.ledger)).toBe(0n);
  expect(scene.ledger.seq).toBe(seq);
  expect(scene.report(2, { spent: 2 })).toMatchObject({ kind: 'reported', row: { spent: cu(2) } });
});

test('a report that comes after that is booked as far as it says more', () => {
  const scene = holding();
  scene.report(2, { spent: 1 });
  scene.expire();
  settleHeld(scene.ledger);
  expect(scene.report(3, { spent: 4 })).toMatchObject({ kind: 'refused', reason: 'row_released' });
  expect(scene.sums).toEqual([cu(6), 0n, 0n, cu(4)]);
  scene.report(4, { spent: 7 });
  expect(scene.ledger.totals).toMatchObject({ settled: cu(7), overrun: cu(1), held: 0n });
});
