import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import {
  acceptLedgerAnnotation,
  approvedByAnnotation,
  isAccepted,
  readRelease,
  releaseAnnotation,
} from './approvals.ts';

const approvedBy = { [approvedByAnnotation]: 'ada' };

test('a release says whose amount, how much of it was spent, and who decided', () => {
  const text = 'pod:0c1f@7 held=12.5 spent=500m';
  expect(readRelease({ ...approvedBy, [releaseAnnotation]: text })).toEqual({
    key: 'pod:0c1f',
    seq: 7,
    held: parseAmount('12.5'),
    spent: parseAmount('0.5'),
    approvedBy: 'ada',
  });
});

test('without the annotation nothing is released', () => {
  expect(readRelease(approvedBy)).toBeUndefined();
});

test.each([
  'pod:0c1f',
  'pod:0c1f held=1 spent=1',
  'pod:0c1f@7 held=1',
  'pod:0c1f@7 held=1 spent=-1',
  'pod:0c1f@7 held=x spent=1',
  '',
])('the release "%s" is told how it must read', (text) => {
  expect(readRelease({ ...approvedBy, [releaseAnnotation]: text })).toMatch(
    /must read "<key>@<seq> held=<CU> spent=<CU>"/,
  );
});

test('a release that nobody stands for is refused', () => {
  expect(readRelease({ [releaseAnnotation]: 'pod:0c1f@7 held=1 spent=1' })).toMatch(/must name who approves/);
});

test('a ledger is accepted at the very change that was named, by somebody', () => {
  const accepted = { [acceptLedgerAnnotation]: 'team-a.chat.2026-11@41' };
  const ledger = { name: 'team-a.chat.2026-11', seq: 41 };
  expect(isAccepted({ ...approvedBy, ...accepted }, ledger)).toBe(true);
  expect(isAccepted({ ...approvedBy, ...accepted }, { ...ledger, seq: 40 })).toBe(false);
  expect(isAccepted(accepted, ledger)).toBe(false);
  expect(isAccepted(undefined, ledger)).toBe(false);
});
