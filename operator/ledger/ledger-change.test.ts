import { expect, test } from 'vitest';
import { copyLedger, newLedger, setCap } from '../../accounting/ledger.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { encodeLedger } from '../../accounting/ledger-text.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { applyChanges, waitingChange } from './ledger-change.ts';
import { holder, need } from './test-ledgers.ts';

const { budget, period } = need('10');

function ledgerWithRow(): Ledger {
  const ledger = newLedger({ budget, period, cap: 10n });
  const pod = holder('a');
  handleLeaseRequest(ledger, pod.open('uid'), pod.context(period.startMs));
  return ledger;
}

test('a copy shares nothing that a transition changes', () => {
  const ledger = ledgerWithRow();
  const before = encodeLedger(ledger);
  const copy = copyLedger(ledger);
  const pod = holder('a');
  handleLeaseRequest(copy, pod.report('uid', { spent: '1', seq: 1 }), pod.context(period.startMs));
  setCap(copy, 3n);
  expect(encodeLedger(ledger)).toEqual(before);
  expect(encodeLedger(copy)).not.toEqual(before);
});

test('a change that fails half way is left out, and the others are applied as if it had never been', async () => {
  const ledger = ledgerWithRow();
  const first = waitingChange((copy) => {
    setCap(copy, copy.cap + 1n);
    return { result: copy.cap };
  });
  const broken = waitingChange<never>((copy) => {
    setCap(copy, 999n);
    throw new RangeError('half way');
  });
  const last = waitingChange((copy) => {
    setCap(copy, copy.cap * 2n);
    return { result: copy.cap };
  });
  const failed = broken.done.catch((error: unknown) => error);
  const { copy, applied, kept } = applyChanges(ledger, [first.waiting, broken.waiting, last.waiting]);
  expect(await failed).toEqual(new RangeError('half way'));
  expect(copy.cap).toBe(22n);
  expect(ledger.cap).toBe(10n);
  expect(kept).toEqual([first.waiting, last.waiting]);
  for (const change of applied) change.accept();
  expect(await Promise.all([first.done, last.done])).toEqual([11n, 22n]);
});
