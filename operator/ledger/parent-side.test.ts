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

/** The parent's ledger in memory: every message is booked at once, and no recall round is held. */
function bookOf(ledger: Ledger): ParentBook {
  return {
    handle: async (request, context) => handleLeaseRequest(ledger, request, context).answer,
    row: (key) => ledger.rows.get(key),
    grantableTo: () => 0n,
    takeOver: async () => false,
  };
}

/** A ledger in memory below that one, whose budget may spend as much. */
function childOf(parent: Ledger, name: string): { ledger: Ledger; side: ParentSide } {
  const budget = { namespace: name, name: 'chat' };
  const above = { budget: root, ledgerUid: 'root' };
  const ledger = newLedger({ budget, period, cap: parent.cap, parent: above });
  const origin = { createdFor: 'budget', timeZone: 'Etc/UTC', startDay: 1 };
  const metadata = { name };
  const stored: StoredLedger = { name, uid: name, metadata, ...origin, pages: [], rowsLength: 0, ledger };
  const side = new ParentSide({
    writer: { stored, submit: async (change) => change(ledger).result },
    find: async () => bookOf(parent),
    clock,
    mayGrant: () => true,
    onFailure: () => undefined,
  });
  return { ledger, side };
}

test('of two ledgers that both wait for more than is left, one is served by what the other does not use', async () => {
  const parent = newLedger({ budget: root, period, cap: cu(8) });
  const children = ['team-a', 'team-b'].map((name) => childOf(parent, name));
  for (const { ledger, side } of children) {
    await side.with({ key: 'pod:a', need: cu(3), waits: true }, async () => undefined);
    expect(parentIdle(ledger)).toBe(cu(3));
  }
  // Each has 3 CU, 2 CU are left in the parent.
  for (const { side } of children)
    await side.with({ key: 'pod:a', need: cu(7), waits: true }, async () => undefined);
  expect(children.map(({ ledger }) => parentIdle(ledger))).toEqual([0n, cu(7)]);
});
