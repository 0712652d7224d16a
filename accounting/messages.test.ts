import { expect, test } from 'vitest';
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
