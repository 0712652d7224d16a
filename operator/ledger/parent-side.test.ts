import { expect, test } from 'vitest';
import { cu, period, startMs } from '../../accounting/ledger-scene.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { type Ledger, newLedger } from '../../accounting/ledger.ts';
import { parentIdle } from '../../accounting/parent-lease.ts';
import { TestClock } from '../testing/test-clock.ts';
import type { StoredLedger } from './ledger-store.ts';
import { type ParentBook, ParentSide } from './parent-side.ts';

const root = { namespace: 'platform', name: 'all' };
const clock = new TestClock(new Date(startMs + 1000).toISOString());

const untilMs = clock.nowMs() + 3000;

/** The parent's ledger in memory: every message is booked at once, and no recall round is held. */
function bookOf(ledger: Ledger, answersBy: (number | undefined)[]): ParentBook {
  return {
    handle: async (request, context) => {
      answersBy.push(context.answerByMs);
      return handleLeaseRequest(ledger, request, context).answer;
    },
    row: (key) => ledger.rows.get(key),
    grantableTo: () => 0n,
    takeOver: async () => false,
  };
}

/** A ledger in memory below that one, whose budget may spend as much. */
function childOf(
  parent: Ledger,
  name: string,
): { ledger: Ledger; side: ParentSide; answersBy: (number | undefined)[] } {
  const answersBy: (number | undefined)[] = [];
  const budget = { namespace: name, name: 'chat' };
  const above = { budget: root, ledgerUid: 'root' };
  const ledger = newLedger({ budget, period, cap: parent.cap, parent: above });
  const origin = { createdFor: 'budget', timeZone: 'Etc/UTC', startDay: 1 };
  const metadata = { name };
  const stored: StoredLedger = { name, uid: name, metadata, ...origin, pages: [], rowsLength: 0, ledger };
  const side = new ParentSide({
    writer: { stored, submit: async (change) => change(ledger).result },
    find: async () => bookOf(parent, answersBy),
    clock,
    mayGrant: () => true,
    onFailure: () => undefined,
  });
  return { ledger, side, answersBy };
}

test('of two ledgers that both wait for more than is left, one is served by what the other does not use', async () => {
  const parent = newLedger({ budget: root, period, cap: cu(8) });
  const children = ['team-a', 'team-b'].map((name) => childOf(parent, name));
  for (const { ledger, side } of children) {
    await side.with({ key: 'pod:a', need: cu(3), waits: true, untilMs }, async () => undefined);
    expect(parentIdle(ledger)).toBe(cu(3));
  }
  // Each has 3 CU, 2 CU are left in the parent.
  for (const { side } of children)
    await side.with({ key: 'pod:a', need: cu(7), waits: true, untilMs }, async () => undefined);
  expect(children.map(({ ledger }) => parentIdle(ledger))).toEqual([0n, cu(7)]);
});

test('what waits below is answered above before its time is over, and what waits there even sooner', async () => {
  const parent = newLedger({ budget: root, period, cap: cu(8) });
  const { side, answersBy } = childOf(parent, 'team-a');
  await side.with({ key: 'pod:a', need: cu(3), waits: true, untilMs }, async () => undefined);
  const [, byMs = Number.NaN] = answersBy;
  expect(byMs).toBeLessThan(untilMs);
  expect(byMs).toBeGreaterThan(clock.nowMs());
});

test('nobody above is asked when no time is left, and nothing is decided by that', async () => {
  const parent = newLedger({ budget: root, period, cap: cu(8) });
  const { side, answersBy } = childOf(parent, 'team-a');
  const late = { key: 'pod:a', need: cu(3), waits: true, untilMs: clock.nowMs() + 1 };
  expect(await side.with(late, async (isDecided) => isDecided)).toBe(false);
  expect(answersBy).toEqual([]);
});

test('what its own cap does not allow is decided without a word of the parent', async () => {
  const { side, answersBy } = childOf(newLedger({ budget: root, period, cap: cu(8) }), 'team-a');
  const wanted = { key: 'pod:a', need: cu(9), waits: true, untilMs };
  expect(await side.with(wanted, async (isDecided) => isDecided)).toBe(true);
  expect(answersBy).toEqual([]);
});
