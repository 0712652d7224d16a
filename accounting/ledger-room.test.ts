import { expect, test } from 'vitest';
import { maxAmount } from './amount.ts';
import { cu, holding, unknown } from './ledger-scene.ts';
import type { Scene } from './ledger-scene.ts';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { copyLedger, meter } from './ledger.ts';
import { maxCount, maxHolderAmount } from './message-parts.ts';
import { leaseRequest, unknownReason } from './messages.ts';

/** As much as one message can say is unknown: 12 × 10⁹ CU. */
const mostUnknown = unknownReason.options.map((reason) => unknown('2000000000', reason));

/** A pod that over and over makes up costs and forgets its journal, until it is refused. */
function makeUpCosts(scene: Scene): string {
  for (let process = 1; process < 500; process += 1) {
    const { incarnation, seq } = scene.row;
    const answer = scene.report(seq + 1, { incarnation, unknown: mostUnknown });
    if (answer.kind === 'refused') return answer.reason;
    scene.open(process.toString(16).padStart(16, '0'));
  }
  return 'never refused';
}

test('made up costs are overrun until the ledger has no room for them, and it stays readable', () => {
  const scene = holding();
  expect(makeUpCosts(scene)).toBe('figures_too_large');
  expect(scene.events.at(-1)).toMatchObject({ type: 'ReportRefused', refusal: 'figures_too_large' });
  const { settled, outstanding, held, overrun } = scene.ledger.totals;
  expect(settled + outstanding + held).toBeLessThanOrEqual(maxAmount);
  expect(settled + outstanding + held).toBe(overrun + cu(6));
  expect(decodeLedger(encodeLedger(scene.ledger))).toEqual(scene.ledger);
});

test('a ledger that is full of made up costs grants nothing and still takes reports', () => {
  const scene = holding();
  makeUpCosts(scene);
  const { incarnation, seq } = scene.row;
  const before = scene.row.granted;
  expect(scene.report(seq + 1, { incarnation, ask: 1 })).toMatchObject({ kind: 'reported' });
  expect(scene.row.granted).toBe(before);
});

test('a journal with made up costs is refused as a report is', () => {
  const scene = holding();
  makeUpCosts(scene);
  const before = copyLedger(scene.ledger);
  const { incarnation, seq } = scene.row;
  const answer = scene.open('f'.repeat(16), { incarnation, seq, unknown: mostUnknown });
  expect(answer).toMatchObject({ kind: 'refused', reason: 'figures_too_large' });
  expect(scene.ledger).toEqual(before);
});

test('metered usage that overflows stops at the greatest that can be read back', () => {
  const { ledger } = holding();
  const names = { day: '2026-11-02', model: 'gpt-5', version: '1' };
  const line = { ...names, input: maxCount, cacheRead: maxCount, output: maxCount, spent: maxHolderAmount };
  meter(ledger, [line, line, line]);
  expect([...ledger.usage.values()]).toEqual([line]);
  expect(decodeLedger(encodeLedger(ledger))).toEqual(ledger);
});

test.each(['2000000000.000000001', '1000000000001', '9'.repeat(24), '1e400'])(
  'an amount of %s CU is no message',
  (spent) => {
    const common = { schema: 1, kind: 'report', budget: 'chat', ledgerUid: 'uid', incarnation: 1, seq: 1 };
    const report = { ...common, overrun: '0', returned: '0', unknown: [] };
    expect(leaseRequest.safeParse({ ...report, spent: '1' }).success).toBe(true);
    expect(leaseRequest.safeParse({ ...report, spent }).success).toBe(false);
  },
);
