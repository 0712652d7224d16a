import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAmount } from './amount.ts';
import { priceUsage } from './price.ts';
import { factors, tierLists, tokenCounts } from './pricing-arbitraries.ts';
import { affordableOutputTokens, worstCase } from './worst-case.ts';

const choices = fc.integer({ min: 1, max: 128 });
const bounds = fc.record({ inputTokens: tokenCounts, choices, tiers: tierLists, factor: factors });

describe('worstCase', () => {
  test.each([
    {
      name: 'one tier: input and each choice in full',
      given: {
        inputTokens: 3500,
        outputTokens: 300,
        choices: 2,
        tiers: [{ input: '0.00112', output: '0.0032' }],
      },
      want: '0.00584',
    },
    {
      name: 'a cache rate above the input rate',
      given: {
        inputTokens: 1000,
        outputTokens: 0,
        choices: 1,
        tiers: [{ input: '1', output: '1', cacheRead: '1.25' }],
      },
      want: '1.25',
    },
    {
      name: 'a tier that only might be reached',
      given: {
        inputTokens: 200_001,
        outputTokens: 1000,
        choices: 1,
        tiers: [
          { upToInputTokens: 200_000, input: '1', output: '10' },
          { input: '2', output: '20' },
        ],
      },
      want: '420.002',
    },
    {
      name: 'a lower tier that is dearer than the higher one',
      given: {
        inputTokens: 101,
        outputTokens: 1000,
        choices: 1,
        tiers: [
          { upToInputTokens: 100, input: '1', output: '10' },
          { input: '1', output: '1' },
        ],
      },
      want: '10.1',
    },
    {
      name: 'no tokens',
      given: { inputTokens: 0, outputTokens: 0, choices: 1, tiers: [{ input: '1', output: '1' }] },
      want: '0',
    },
  ])('bounds $name', ({ given, want }) => {
    expect(formatAmount(worstCase({ ...given, factor: '1' }))).toBe(want);
  });

  test.each([Number.NaN, -1, 0.5, Infinity])('refuses %s as a count', (count) => {
    const given = {
      inputTokens: 1,
      outputTokens: 1,
      choices: 1,
      tiers: [{ input: '1', output: '1' }],
      factor: '1',
    };
    expect(() => worstCase({ ...given, inputTokens: count })).toThrow(RangeError);
    expect(() => worstCase({ ...given, outputTokens: count })).toThrow(RangeError);
    expect(() => worstCase({ ...given, choices: count })).toThrow(RangeError);
  });

  test('is never below the booked price of any usage within the bounds', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(bounds, tokenCounts, fc.tuple(share, share, share), (bound, outputTokens, shares) => {
        const total = Math.floor(bound.inputTokens * shares[0]);
        const cacheRead = Math.floor(total * shares[1]);
        const output = Math.floor(outputTokens * bound.choices * shares[2]);
        const usage = { input: total - cacheRead, cacheRead, output, reasoning: 0 };
        const { total: booked } = priceUsage({ usage, rates: bound.tiers, factor: bound.factor });
        expect(worstCase({ ...bound, outputTokens })).toBeGreaterThanOrEqual(booked);
      }),
      { numRuns: 500 },
    );
  });

  test('does not fall when a bound rises', () => {
    fc.assert(
      fc.property(bounds, tokenCounts, tokenCounts, (bound, outputTokens, more) => {
        const cost = worstCase({ ...bound, outputTokens });
        expect(worstCase({ ...bound, outputTokens: outputTokens + more })).toBeGreaterThanOrEqual(cost);
        expect(
          worstCase({ ...bound, inputTokens: bound.inputTokens + more, outputTokens }),
        ).toBeGreaterThanOrEqual(cost);
      }),
    );
  });
});

describe('affordableOutputTokens', () => {
  const plain = { inputTokens: 1000, choices: 1, tiers: [{ input: '1', output: '10' }], factor: '1' };

  test.each([
    { name: 'just the input', amount: 1_000_000_000n, want: 0 },
    { name: 'one token less a nano-CU', amount: 1_009_999_999n, want: 0 },
    { name: 'one token', amount: 1_010_000_000n, want: 1 },
    { name: 'not the input', amount: 999_999_999n, want: undefined },
    { name: 'nothing', amount: 0n, want: undefined },
  ])('with an amount for $name is $want', ({ amount, want }) => {
    expect(affordableOutputTokens({ ...plain, amount })).toBe(want);
  });

  test('has no limit of its own where output is free', () => {
    const tiers = [{ input: '1', output: '0.0' }];
    expect(affordableOutputTokens({ ...plain, tiers, amount: 2_000_000_000n })).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('is the largest output whose worst case fits the amount', () => {
    const paid = bounds.filter(({ tiers }) => tiers.every(({ output }) => Number(output) > 0));
    fc.assert(
      fc.property(
        paid,
        tokenCounts,
        fc.bigInt({ min: -50n, max: 10n ** 9n }),
        (bound, outputTokens, extra) => {
          const amount = worstCase({ ...bound, outputTokens }) + (extra > 0n ? extra : 0n);
          const affordable = affordableOutputTokens({ ...bound, amount }) ?? -1;
          expect(affordable).toBeGreaterThanOrEqual(outputTokens);
          expect(worstCase({ ...bound, outputTokens: affordable })).toBeLessThanOrEqual(amount);
          expect(worstCase({ ...bound, outputTokens: affordable + 1 })).toBeGreaterThan(amount);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('is undefined exactly when the worst case without output does not fit', () => {
    fc.assert(
      fc.property(bounds, fc.bigInt({ min: -1n, max: 1n }), (bound, difference) => {
        const amount = worstCase({ ...bound, outputTokens: 0 }) + difference;
        expect(affordableOutputTokens({ ...bound, amount }) === undefined).toBe(difference < 0n);
      }),
    );
  });
});
