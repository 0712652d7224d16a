import { describe, expect, test } from 'vitest';
import { cu, period } from '../../accounting/ledger-scene.ts';
import { type Ledger, changeRow, emptyRow, ledgerKey, newLedger } from '../../accounting/ledger.ts';
import { type Facts, addMonths, decide, mayBeOld } from './decide.ts';

const keepMonths = 12;
/** Thirteen months after the period's end. */
const nowMs = Date.UTC(2028, 0, 1);
const closed = { closed: true, totals: { metered: '3', meteredByDay: '3', held: '0' } };
const above = { budget: { namespace: 'platform', name: 'all' }, ledgerUid: 'uid-of-parent' };

/** A ledger in which `spent` CU were spent, by a pod or by a ledger below. */
function ledgerOf({
  key = 'pod:a',
  spent = 3,
  more = 0,
  parent,
}: { key?: string; spent?: number; more?: number; parent?: typeof above } = {}): Ledger {
  const budget = { namespace: 'team-a', name: 'chat' };
  const ledger = newLedger({ budget, period, cap: cu(10), ...(parent && { parent }) });
  const row = emptyRow({ key, name: 'team-a/a', state: 'open' });
  changeRow(ledger, row, (r) => Object.assign(r, { granted: cu(spent + more), spent: cu(spent) }));
  return ledger;
}

const facts = (more: Partial<Facts> = {}): Facts => ({
  uid: 'uid',
  ledger: ledgerOf(),
  statement: closed,
  parent: undefined,
  there: new Set(['uid']),
  ...more,
});

describe('a ledger', () => {
  test.each<{ name: string; more?: Partial<Facts>; atMs?: number; want: string }>([
    { name: 'of a closed month is done with after the months it is kept', want: 'done' },
    { name: 'is done with from the first moment after them', atMs: Date.UTC(2027, 11, 1), want: 'done' },
    { name: 'stays until then', atMs: Date.UTC(2027, 11, 1) - 1, want: 'young' },
    { name: 'stays while something is out', more: { ledger: ledgerOf({ more: 1 }) }, want: 'open' },
    { name: 'stays without a statement', more: { statement: undefined }, want: 'not_closed' },
    {
      name: 'stays while its statement is not closed',
      more: { statement: { ...closed, closed: false } },
      want: 'not_closed',
    },
    {
      name: 'stays if something was booked after its statement was closed',
      more: { ledger: ledgerOf({ spent: 4 }) },
      want: 'not_in_statement',
    },
    {
      name: 'stays while a ledger below it is there',
      more: { ledger: ledgerOf({ key: ledgerKey('below') }), there: new Set(['uid', 'below']) },
      want: 'has_ledgers_below',
    },
    {
      name: 'is done with once the ledgers below it are gone',
      more: { ledger: ledgerOf({ key: ledgerKey('below') }) },
      want: 'done',
    },
    {
      name: 'stays while the one above does not know what it spent',
      more: { ledger: ledgerOf({ parent: above }), parent: ledgerOf() },
      want: 'not_told',
    },
    {
      name: 'is done with if the one above is gone',
      more: { ledger: ledgerOf({ parent: above }) },
      want: 'done',
    },
    {
      name: 'is done with if it never had anything to tell the one above',
      more: {
        ledger: ledgerOf({ spent: 0, parent: above }),
        parent: ledgerOf(),
        statement: { ...closed, totals: { ...closed.totals, metered: '0' } },
      },
      want: 'done',
    },
  ])('$name', ({ more = {}, atMs = nowMs, want }) => {
    expect(decide(facts(more), { keepMonths, nowMs: atMs })).toBe(want);
  });

  test('with something held stays', () => {
    const ledger = ledgerOf();
    const row = emptyRow({ key: 'pod:b', name: 'team-a/b', state: 'expired' });
    changeRow(ledger, row, (r) => Object.assign(r, { granted: cu(1) }));
    expect(ledger.totals.held).toBe(cu(1));
    expect(decide(facts({ ledger }), { keepMonths, nowMs })).toBe('open');
  });
});

test('months are counted by the calendar', () => {
  expect(new Date(addMonths(Date.UTC(2026, 10, 15, 7), 12)).toISOString()).toBe('2027-11-15T07:00:00.000Z');
  expect(new Date(addMonths(Date.UTC(2026, 0, 31), 1)).toISOString()).toBe('2026-03-03T00:00:00.000Z');
});

test.each([
  { period: '2026-12', want: true },
  { period: '2027-01', want: true },
  { period: '2027-02', want: false },
])('a period called $period may be old after a year in 2028-01: $want', ({ period: name, want }) => {
  expect(mayBeOld(name, { keepMonths, nowMs })).toBe(want);
});
