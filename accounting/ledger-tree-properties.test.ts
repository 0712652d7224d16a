import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { available, ledgerKey, sumRows } from './ledger.ts';
import { guaranteedToOthers } from './ledger-shares.ts';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { LedgerTreeWorld, chargedBy, ledgerRows, treeStepNames } from './ledger-tree-world.ts';
import type { Below, TreeStep } from './ledger-tree-world.ts';
import { parentIdle, withinCap } from './parent-lease.ts';

const numbers = { below: fc.nat(2), a: fc.nat(999), b: fc.nat(999) };
const step: fc.Arbitrary<TreeStep> = fc.record({ op: fc.constantFrom(...treeStepNames), ...numbers });
/** Most single steps do nothing by themselves: whole exchanges make histories deep. */
const exchange = fc
  .record({ op: fc.constantFrom<TreeStep['op']>('send', 'ask', 'ask', 'askFromMemory'), ...numbers })
  .map(exchangeOf);
/** Pods take what their ledger has, and spend of it. */
const expense = fc
  .record({
    op: fc.constantFrom<TreeStep['op']>('podSpends', 'podLosesCost', 'podReturns', 'wait'),
    ...numbers,
  })
  .map((then): TreeStep[] => [{ ...then, op: 'podAsks' }, { ...then, op: 'podAsks', a: then.b }, then]);
/** Each ledger begins with a lease: without one next to nothing can happen. */
const beginnings = [0, 1, 2].flatMap((below) => [
  ...exchangeOf({ op: 'send', below, a: 0, b: 1 }),
  ...exchangeOf({ op: 'ask', below, a: 99, b: 1 }),
]);
const history = fc
  .array(
    fc.oneof(
      step.map((single) => [single]),
      exchange,
      exchange,
      expense,
    ),
    { minLength: 20, maxLength: 80 },
  )
  .map((parts) => [...beginnings, ...parts.flat()]);

function exchangeOf(first: TreeStep): TreeStep[] {
  const { below } = first;
  return [first, { op: 'deliver', below, a: 0, b: 1 }, { op: 'answer', below, a: 0, b: 1 }];
}

function run(steps: readonly TreeStep[], check: (world: LedgerTreeWorld) => void): LedgerTreeWorld {
  const world = new LedgerTreeWorld();
  for (const next of steps) {
    world.do(next);
    check(world);
  }
  return world;
}

function charge(world: LedgerTreeWorld, below: Below): bigint {
  const row = world.rowOf(below);
  return row ? chargedBy([row]) : 0n;
}

/** What of its guarantee a ledger has not had yet. */
function owedTo(world: LedgerTreeWorld, below: Below): bigint {
  const row = world.rowOf(below);
  const { guaranteed = 0n } = world.parent.shares.get(below.name) ?? {};
  return guaranteed - (row ? row.granted - row.returned : 0n);
}

const runs = { numRuns: 300 };
const patienceMs = 60_000;

describe(
  'between a ledger and those below it, whatever is lost, doubled, late or stale',
  { timeout: patienceMs },
  () => {
    test('the parent is charged with at least what holders below have spent or may spend', () => {
      let busy = 0;
      fc.assert(
        fc.property(history, (steps) => {
          run(steps, (world) => {
            for (const below of world.below) {
              const used = chargedBy(below.ledger.rows.values());
              if (used > 0n) busy += 1;
              expect(used).toBeLessThanOrEqual(charge(world, below));
              expect(parentIdle(below.ledger)).toBeGreaterThanOrEqual(0n);
            }
          });
        }),
        runs,
      );
      expect(busy).toBeGreaterThan(10_000);
    });

    test('no grant passes the parent’s cap or takes what is set aside for others', () => {
      let grants = 0;
      fc.assert(
        fc.property(history, (steps) => {
          const world = new LedgerTreeWorld();
          world.onBooked = (granted) => {
            if (!granted) return;
            grants += 1;
            expect(available(world.parent)).toBeGreaterThanOrEqual(0n);
          };
          for (const next of steps) {
            world.do(next);
            if (world.disturbed) break;
            expect(available(world.parent)).toBeGreaterThanOrEqual(guaranteedToOthers(world.parent, ''));
          }
        }),
        runs,
      );
      expect(grants).toBeGreaterThan(1000);
    });

    test('nobody can take another one’s guarantee, however much they ask for', () => {
      let missing = 0n;
      let left = 0;
      fc.assert(
        fc.property(history, (steps) => {
          run(steps, (world) => {
            for (const below of world.disturbed ? [] : world.below) {
              const owed = owedTo(world, below);
              const can = withinCap(world.parent, ledgerKey(below.uid));
              if (owed > 0n) left += 1;
              if (can < owed) missing += owed - can;
            }
          });
        }),
        runs,
      );
      expect(missing).toBe(0n);
      expect(left).toBeGreaterThan(1000);
    });

    test('rows add up, nobody is refused, and in the end both ledgers say the same', () => {
      let spent = 0n;
      fc.assert(
        fc.property(history, (steps) => {
          const world = run(steps, ({ parent }) =>
            expect(sumRows(parent.rows.values())).toEqual(parent.totals),
          );
          world.heal();
          expect(world.refused).toEqual([]);
          for (const below of world.below) {
            const { totals } = below.ledger;
            const row = world.rowOf(below);
            expect({ spent: row?.spent, unknown: row?.unknown, overrun: row?.overrun }).toEqual({
              spent: totals.settled,
              unknown: totals.held,
              overrun: totals.overrun,
            });
            expect(charge(world, below)).toBe(chargedBy(below.ledger.rows.values()));
            spent += totals.settled;
          }
          expect(ledgerRows(world.parent)).toHaveLength(3);
        }),
        runs,
      );
      expect(spent).toBeGreaterThan(10_000n);
    });

    test('both come back from their text as they were', () => {
      fc.assert(
        fc.property(history, (steps) => {
          const { parent, below } = run(steps, () => undefined);
          for (const ledger of [parent, ...below.map((one) => one.ledger)])
            expect(decodeLedger(encodeLedger(ledger))).toEqual(ledger);
        }),
        runs,
      );
    });
  },
);
