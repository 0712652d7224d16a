import { expect, test } from 'vitest';
import { compareBooks, type Evidence, judgeRefusals } from './comparison.ts';

const good: Evidence = {
  ledger: { cap: '1', settled: '0.500000001', outstanding: '0', held: '0.45', overrun: '0' },
  metered: { input: 100, output: 20 },
  billed: [
    {
      requestId: 'a',
      promptTokens: 100,
      outputTokens: 20,
      capacityUnits: '0.5000000003',
      usageDelivered: true,
      cutShort: false,
    },
    {
      requestId: 'b',
      promptTokens: 70,
      outputTokens: 90,
      capacityUnits: '0.2',
      usageDelivered: false,
      cutShort: false,
    },
  ],
  refusals: [{ requested: '0.06', billedBefore: '0.5', heldBefore: '0.45' }],
  cutShort: [],
};

const broken = (evidence: Evidence): string[] =>
  [...compareBooks(evidence), ...judgeRefusals(evidence)]
    .filter(({ holds }) => !holds)
    .map(({ rule }) => rule.split(/[,(]/)[0]?.trim() ?? '');

test('books that agree leave nothing to complain about', () => {
  expect(broken(good)).toEqual([]);
});

test.each<{ name: string; change: Partial<Evidence>; rules: string[] }>([
  {
    name: 'a token more than billed',
    change: { metered: { input: 101, output: 20 } },
    rules: ['tokens metered = tokens billed'],
  },
  {
    name: 'a price too low by two nano-CU',
    change: { ledger: { ...good.ledger, settled: '0.499999999' } },
    rules: ['settled − billed between 0 and 1 nano-CU a request'],
  },
  {
    name: 'a price too high',
    change: { ledger: { ...good.ledger, settled: '0.500000003' } },
    rules: ['settled − billed between 0 and 1 nano-CU a request'],
  },
  {
    name: 'less held than billed',
    change: {
      ledger: { ...good.ledger, held: '0.19' },
      refusals: [{ requested: '0.9', billedBefore: '0.5', heldBefore: '0.19' }],
    },
    rules: ['billed ≤ held'],
  },
  {
    name: 'a refusal that could have been paid for',
    change: { refusals: [{ requested: '0.05', billedBefore: '0.5', heldBefore: '0.45' }] },
    rules: ['refused while affordable'],
  },
  {
    name: 'an answer cut short for nothing',
    change: { cutShort: [{ requested: '0.05', billedBefore: '0.1', heldBefore: '0' }] },
    rules: ['cut short while affordable'],
  },
  { name: 'no refusal at all', change: { refusals: [] }, rules: ['refused while affordable', 'unspent'] },
])('complains about $name', ({ change, rules }) => {
  expect(broken({ ...good, ...change })).toEqual(rules);
});
