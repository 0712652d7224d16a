import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affordableLimit, type PricedAttempt, worstCaseOfAttempts } from './attempts.ts';
import { worstCase } from './worst-case.ts';

const factor = '1.90385';
const cheap = [{ input: '0.00112', output: '0.00320' }];
const dear = [{ input: '0.00204', output: '0.00988' }];
const tiered = [
  { upToInputTokens: 2000, input: '0.00087', output: '0.00647' },
  { input: '0.00167', output: '0.00966' },
];

const attempt = fc.record({
  inputTokens: fc.integer({ min: 0, max: 5000 }),
  choices: fc.integer({ min: 1, max: 4 }),
  possibleRates: fc.constantFrom([cheap], [dear], [tiered], [cheap, dear]),
  outputTokens: fc.integer({ min: 1, max: 20_000 }),
});
const attempts = fc.array(attempt, { minLength: 1, maxLength: 4 });

describe('several attempts', () => {
  test('cost at most the sum of what each can cost at its dearest version', () => {
    const list: PricedAttempt[] = [
      { inputTokens: 1000, choices: 1, possibleRates: [cheap], outputTokens: 500 },
      { inputTokens: 2000, choices: 2, possibleRates: [cheap, dear], outputTokens: 100 },
    ];
    const one = worstCase({ inputTokens: 1000, choices: 1, tiers: cheap, factor, outputTokens: 300 });
    const other = worstCase({ inputTokens: 2000, choices: 2, tiers: dear, factor, outputTokens: 100 });
    expect(worstCaseOfAttempts(list, { factor, limit: 300 })).toBe(one + other);
  });

  test('fit the amount with the affordable limit, and no longer with one token more', () => {
    fc.assert(
      fc.property(attempts, fc.bigInt({ min: 0n, max: 3_000_000_000n }), (list, amount) => {
        const limit = affordableLimit(list, { factor, amount });
        const cost = (tokens: number) => worstCaseOfAttempts(list, { factor, limit: tokens });
        const longest = Math.max(...list.map(({ outputTokens }) => outputTokens));
        const fits = limit === undefined || cost(limit) <= amount;
        const isGreatest = limit === longest || cost((limit ?? -1) + 1) > amount;
        expect({ fits, isGreatest }).toEqual({ fits: true, isGreatest: true });
      }),
    );
  });
});
