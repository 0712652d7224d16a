import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { available, sumRows, unused } from './ledger.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { LeaseWorld, charged, commitment, stepNames } from './lease-world.ts';
import type { Pod, Step } from './lease-world.ts';

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom(...stepNames),
  pod: fc.nat(2),
  a: fc.nat(999),
  b: fc.nat(999),
});
/** Most single steps do nothing by themselves: whole exchanges make histories deep. */
const exchange = fc
  .tuple(fc.nat(2), fc.nat(999), fc.nat(999), fc.constantFrom<Step['op']>('start', 'report', 'ask', 'ask'))
  .map(([pod, a, b, op]) => exchangeOf({ op, pod, a, b }));
const expense = fc
  .tuple(
    fc.nat(2),
    fc.nat(999),
    fc.nat(999),
    fc.constantFrom<Step['op']>('settle', 'loseCost', 'resolve', 'wait'),
  )
  .map(([pod, a, b, then]): Step[] => [
    { op: 'reserve', pod, a, b },
    { op: 'reserve', pod, a: b, b: a },
    { op: then, pod, a: b, b: a },
  ]);
/** Each pod begins with a lease: without one next to nothing can happen. */
const beginnings = [0, 1, 2].flatMap((pod) => [
  ...exchangeOf({ op: 'start', pod, a: 0, b: 0 }),
  ...exchangeOf({ op: 'ask', pod, a: 99, b: 99 }),
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

/** A step that makes a message, and what brings the first message under way and its answer to where they belong. */
function exchangeOf(first: Step): Step[] {
  const { pod } = first;
  return [
    first,
    { op: 'send', pod, a: 0, b: 1 },
    { op: 'deliver', pod, a: 0, b: 1 },
    { op: 'answer', pod, a: 0, b: 1 },
  ];
}

function run(steps: readonly Step[], check: (world: LeaseWorld) => void): LeaseWorld {
  const world = new LeaseWorld(3);
  for (const next of steps) {
    world.do(next);
    check(world);
  }
  return world;
}

function checkConservation({ ledger }: LeaseWorld): void {
  expect(sumRows(ledger.rows.values())).toEqual(ledger.totals);
  for (const row of ledger.rows.values()) {
    const { granted, spent, overrun, unknown, lost, returned, released } = row;
    expect(spent - overrun + unknown + lost + returned + released + unused(row)).toBe(granted);
  }
}

/** True where all is known of a pod, and so its row says exactly that. */
function checkFinished(pod: Pod, row: LedgerRow | undefined): boolean {
  const requests = [...pod.requests.values()];
  const told = pod.crashes === 0 && requests.every(({ settled }) => settled);
  const cost = requests.reduce((sum, request) => sum + request.cost, 0n);
  expect(told ? row?.spent : cost).toBe(cost);
  expect(told ? row && row.unknown + row.lost : 0n).toBe(0n);
  expect(commitment(pod)).toBeLessThanOrEqual(row ? charged(row) : 0n);
  return told;
}

function grantedIn(ledger: Ledger): bigint {
  return [...ledger.rows.values()].reduce((total, { granted }) => total + granted, 0n);
}

const runs = { numRuns: 500 };
/** Thousands of steps each, on machines that may be busy. */
const patienceMs = 60_000;

describe('whatever is lost, doubled, late or killed', { timeout: patienceMs }, () => {
  test('each row’s parts add up to what it was granted, and the rows to the sums', () => {
    fc.assert(
      fc.property(history, (steps) => {
        run(steps, checkConservation);
      }),
      runs,
    );
  });

  test('no grant passes the cap, and a message that comes twice changes nothing and gets the same answer', () => {
    let grants = 0;
    fc.assert(
      fc.property(history, (steps) => {
        const world = new LeaseWorld(3);
        world.onDelivery = ({ before, after, repeated, answers: [first, second] }) => {
          const granted = grantedIn(after) > grantedIn(before);
          if (granted) grants += 1;
          expect(granted && available(after) < 0n).toBe(false);
          expect(repeated).toEqual(after);
          expect(second).toEqual(first);
        };
        for (const next of steps) world.do(next);
      }),
      runs,
    );
    expect(grants).toBeGreaterThan(1000);
  });

  test('no pod has spent, or may spend, more than its row is charged with', () => {
    let committed = 0;
    fc.assert(
      fc.property(history, (steps) => {
        run(steps, (world) => {
          for (const pod of world.pods) {
            const row = world.rowOf(pod);
            const most = commitment(pod);
            if (most > 0n) committed += 1;
            expect(most).toBeLessThanOrEqual(row ? charged(row) : 0n);
          }
        });
      }),
      runs,
    );
    expect(committed).toBeGreaterThan(10_000);
  });

  test('a holder that keeps to the rules is never refused, and all its costs are in the ledger in the end', () => {
    let exact = 0;
    fc.assert(
      fc.property(history, (steps) => {
        const world = run(steps, () => undefined);
        world.finish();
        expect(world.blunders).toEqual([]);
        for (const pod of world.pods) if (checkFinished(pod, world.rowOf(pod))) exact += 1;
        expect(world.ledger.totals.outstanding).toBe(0n);
      }),
      runs,
    );
    expect(exact).toBeGreaterThan(100);
  });

  test('a ledger comes back from its text as it was', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { ledger } = run(steps, () => undefined);
        const text = encodeLedger(ledger);
        const back = decodeLedger(text);
        expect(back).toEqual(ledger);
        expect(encodeLedger(back)).toEqual(text);
      }),
      runs,
    );
  });
});
