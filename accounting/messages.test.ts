import { expect, test } from 'vitest';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { handleLeaseRequest } from './ledger-transitions.ts';
import { newLedger } from './ledger.ts';
import { leaseRequest } from './messages.ts';

const report = {
  schema: 1,
  kind: 'report',
  budget: 'chat',
  ledgerUid: 'u',
  incarnation: 1,
  seq: 1,
  overrun: '0',
  returned: '0',
  unknown: [],
};

test.each([
  { spent: '2000000000', why: undefined },
  { spent: '2000000000.000000001', why: 'must be at most twice the greatest limit of a budget' },
  { spent: '-1', why: expect.stringContaining('-1') },
  { spent: '1e3', why: expect.any(String) },
])('a report that says $spent CU were spent is taken or names what is wrong', ({ spent, why }) => {
  const parsed = leaseRequest.safeParse({ ...report, spent });
  expect(parsed.success).toBe(why === undefined);
  expect(parsed.error?.issues[0]?.message).toEqual(why);
});

test('a message of another version is refused', () => {
  expect(leaseRequest.safeParse({ ...report, spent: '0', schema: 2 }).success).toBe(false);
});

/** The greatest numbers of a message, and ones that only a schema can keep out. */
const [greatest, tooGreat] = [999_999_999_999_999, Number.MAX_SAFE_INTEGER];
const cost = (rest: object) => [{ reason: 'usage_missing', count: 1, amount: '1', sinceMs: 1, ...rest }];

const opening = (processId: string, from?: object) => ({
  schema: 1,
  kind: 'open',
  budget: 'chat',
  ledgerUid: 'u',
  processId,
  ...(from && {
    resume: { incarnation: 1, seq: 0, spent: '0', overrun: '0', returned: '0', unknown: [], ...from },
  }),
});

test.each([
  { name: 'the number of the last report', resume: (seq: number) => ({ seq }) },
  { name: 'a count of requests', resume: (count: number) => ({ unknown: cost({ count }) }) },
  { name: 'a time', resume: (sinceMs: number) => ({ unknown: cost({ sinceMs }) }) },
])('$name that a ledger could not be read back with is refused', ({ resume }) => {
  expect(leaseRequest.safeParse(opening('0'.repeat(16), resume(tooGreat))).success).toBe(false);
  const ledger = newLedger({
    budget: { namespace: 'team-a', name: 'chat' },
    period: { name: '2026-11', startMs: 0, endMs: 1 },
    cap: 0n,
  });
  const context = { key: 'pod:a', name: 'team-a/a', nowMs: 0, leaseSeconds: 1, mayGrant: true };
  for (const message of [opening('0'.repeat(16)), opening('1'.repeat(16), resume(greatest))])
    handleLeaseRequest(ledger, leaseRequest.parse(message), context);
  expect(decodeLedger(encodeLedger(ledger))).toEqual(ledger);
});
