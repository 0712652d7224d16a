import { describe, expect, test } from 'vitest';
import { isClosedOut } from './ledger-fold.ts';
import { lateKey } from './ledger-late.ts';
import { type Scene, cu, holding, processB } from './ledger-scene.ts';
import { sumRows } from './ledger.ts';

/** A pod that held six of ten CU, and whose next process had to begin without its journal. */
function followed(): Scene {
  const scene = holding();
  scene.open(processB);
  scene.events = [];
  return scene;
}

describe('a late report of a process that was followed by another', () => {
  test.each([
    { name: 'within what was granted is in its row already', given: { spent: 6 }, booked: 0 },
    {
      name: 'with requests beyond their bounds is booked beyond',
      given: { spent: 9, overrun: 3 },
      booked: 3,
    },
    { name: 'of more than was granted is booked beyond', given: { spent: 8 }, booked: 2 },
  ])('$name', ({ given, booked }) => {
    const scene = followed();
    expect(scene.report(2, { incarnation: 1, ...given })).toMatchObject({ reason: 'process_superseded' });
    expect(scene.sums).toEqual([cu(booked), 0n, cu(6), cu(4 - booked)]);
    expect(scene.ledger.totals).toEqual(sumRows(scene.ledger.rows.values()));
    expect(scene.events.map(({ type }) => type)).toEqual(booked > 0 ? ['LateSpending'] : []);
  });

  test('is booked once, however often and in whatever order it comes', () => {
    const scene = followed();
    scene.report(3, { incarnation: 1, spent: 9, overrun: 3 });
    const { seq } = scene.ledger;
    scene.report(2, { incarnation: 1, spent: 7, overrun: 1 });
    scene.report(3, { incarnation: 1, spent: 9, overrun: 3 });
    expect(scene.ledger.seq).toBe(seq);
    expect(scene.events).toMatchObject([{ type: 'LateSpending', key: 'pod:a', amount: cu(3), booked: true }]);
  });

  test('leaves the newest process to report as before', () => {
    const scene = followed();
    scene.report(2, { incarnation: 1, spent: 9, overrun: 3 });
    expect(scene.report(2, { incarnation: 2, ask: 1 }).kind).toBe('reported');
    expect(scene.report(3, { incarnation: 2, spent: 1 }).kind).toBe('reported');
    expect(scene.sums).toEqual([cu(4), 0n, cu(6), 0n]);
  });

  test('is not booked where no ledger could be read back with it, but told', () => {
    const scene = followed();
    const { seq } = scene.ledger;
    scene.report(2, { incarnation: 1, spent: 1_000_000_000_000 });
    expect(scene.ledger.seq).toBe(seq);
    const amount = cu(999_999_999_994);
    expect(scene.events).toMatchObject([{ type: 'LateSpending', key: 'pod:a', amount, booked: false }]);
  });

  test('within the charge of its row is not told apart from what its successor spent of the same lease', () => {
    const scene = holding();
    scene.open(processB, { incarnation: 1, seq: 1 });
    scene.report(2, { incarnation: 2, spent: 5 });
    scene.report(2, { incarnation: 1, spent: 5 });
    expect(scene.sums).toEqual([cu(5), cu(1), 0n, cu(4)]);
    expect(scene.events).toEqual([]);
  });

  test('is kept in its row for good: it says what has been booked', () => {
    const scene = followed();
    scene.report(2, { incarnation: 1, spent: 8 });
    const late = scene.ledger.rows.get(lateKey('pod:a'));
    expect(late && isClosedOut(late, 1e15)).toBe(false);
  });
});
