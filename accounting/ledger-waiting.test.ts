import { expect, test } from 'vitest';
import { available, copyLedger } from './ledger.ts';
import { answerBooked } from './lease-answers.ts';
import { handleLeaseRequest } from './ledger-transitions.ts';
import { grantWaiters } from './ledger-waiting.ts';
import { schemaVersion } from './message-parts.ts';
import type { ReportRequest } from './messages.ts';
import { ledgerOf } from './recall-scene.ts';

const context = { key: 'a', name: 'a', nowMs: 1000, leaseSeconds: 300, mayGrant: true };

function waiter(key: string, need: bigint, more: object = {}) {
  return {
    key,
    incarnation: 1,
    seq: 0,
    granted: 0n,
    need,
    sinceMs: 0,
    context: { ...context, key },
    ...more,
  };
}
const waiting = () => ledgerOf({ a: 0n, b: 0n, c: 0n }, 10n);

test('holders that wait are granted what they need, in order, as far as there is enough', () => {
  const ledger = waiting();
  const keys = grantWaiters(ledger, [waiter('a', 6n), waiter('b', 5n), waiter('c', 4n)], 2000);
  expect(keys).toEqual(['a', 'c']);
  expect([...ledger.rows.values()].map(({ granted }) => granted)).toEqual([6n, 0n, 4n]);
  expect(available(ledger)).toBe(0n);
});

test('what is stored already is not granted once more', () => {
  const ledger = waiting();
  const waiters = [waiter('a', 3n), waiter('b', 3n)];
  grantWaiters(ledger, waiters, 2000);
  const { seq } = ledger;
  expect(grantWaiters(ledger, waiters, 2000)).toEqual(['a', 'b']);
  expect([ledger.seq, available(ledger)]).toEqual([seq, 4n]);
});

test.each([
  { name: 'has sent another report', more: { seq: 1 } },
  { name: 'was followed by another process', more: { incarnation: 2 } },
  { name: 'has no row', more: { key: 'x' } },
  { name: 'may be granted nothing any more', more: { context: { ...context, mayGrant: false } } },
])('a holder that $name is granted nothing', ({ more }) => {
  const ledger = waiting();
  expect(grantWaiters(ledger, [waiter('a', 3n, more)], 2000)).toEqual([]);
  expect(available(ledger)).toBe(10n);
});

test('nothing is granted once the period is over', () => {
  const ledger = waiting();
  expect(grantWaiters(ledger, [waiter('a', 3n)], ledger.period.endMs)).toEqual([]);
});

const report: ReportRequest = {
  schema: schemaVersion,
  kind: 'report',
  budget: 'b',
  ledgerUid: 'uid',
  incarnation: 1,
  seq: 1,
  spent: 0n,
  overrun: 0n,
  returned: 0n,
  unknown: [],
};

test('what others wait for is not granted, and not called grantable', () => {
  const ledger = waiting();
  const ask = { need: 5n, want: 5n };
  const { answer } = handleLeaseRequest(ledger, { ...report, ask }, { ...context, setAside: 6n });
  expect(answer).toMatchObject({ row: { granted: 0n }, ledger: { grantable: 4n, waitedFor: 6n } });
});

test('a report that was booked is answered by what was granted since, and nothing changes', () => {
  const ledger = waiting();
  handleLeaseRequest(ledger, report, context);
  grantWaiters(ledger, [waiter('a', 3n, { seq: 1 })], 2000);
  const before = copyLedger(ledger);
  expect(answerBooked(ledger, report, context)).toMatchObject({
    kind: 'reported',
    seq: 1,
    row: { granted: 3n },
  });
  expect(ledger).toEqual(before);
  expect(answerBooked(ledger, { ...report, incarnation: 9 }, context)).toMatchObject({ kind: 'refused' });
});
