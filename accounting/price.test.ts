import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAmount, formatRounded, parseAmount } from './amount.ts';
import { add, compare, decimalOfAmount, formatDecimal, parseDecimal, scaleBy } from './decimal.ts';
import type { RateTier } from './configuration-messages.ts';
import { exactPrice, priceUsage } from './price.ts';
import { chatUsage, pricings } from './pricing-arbitraries.ts';

const oldFactor = '2.24038';
const example = {
  usage: chatUsage({ input: 3500, output: 300 }),
  rates: [{ input: '0.00112', output: '0.00320' }],
};

describe('the worked example of 3,500 tokens in and 300 out', () => {
  const exact = exactPrice({ ...example, factor: oldFactor });
  const booked = priceUsage({ ...example, factor: oldFactor }).total;

  test('costs its exact product, booked to the next nano-CU, shown with five decimals', () => {
    expect(formatDecimal(add(exact.input, exact.output))).toBe('0.0109330544');
    expect(formatAmount(booked)).toBe('0.010933055');
    expect(formatRounded(booked, 5)).toBe('0.01093');
  });

  test('25,000 times: exact, as booked, and with each rounded to five decimals first', () => {
    expect(formatDecimal(scaleBy(add(exact.input, exact.output), 25_000))).toBe('273.32636');
    expect(formatAmount(booked * 25_000n)).toBe('273.326375');
    expect(formatAmount(parseAmount(formatRounded(booked, 5)) * 25_000n)).toBe('273.25');
  });

  test('costs less by the newer factor', () => {
    const newer = exactPrice({ ...example, factor: '1.90385' });
    expect(formatDecimal(add(newer.input, newer.output))).toBe('0.009290788');
    expect(formatAmount(priceUsage({ ...example, factor: '1.90385' }).total)).toBe('0.009290788');
  });
});

test.each([
  { usage: { input: 1_000_000, output: 0 }, want: '2.0387' },
  { usage: { input: 0, output: 1000 }, want: '0.0152' },
])('gpt-5: $usage shows as $want CU', ({ usage, want }) => {
  const rates = [{ input: '0.00091', output: '0.00678' }];
  const { total } = priceUsage({ usage: chatUsage(usage), rates, factor: oldFactor });
  expect(formatRounded(total, 4)).toBe(want);
});

describe('priceUsage', () => {
  const tiered: RateTier[] = [
    { upToInputTokens: 200_000, input: '1', output: '10', cacheRead: '0.1' },
    { input: '2', output: '20', cacheRead: '0.2' },
  ];

  test.each([
    { name: 'the last token of a tier', usage: { input: 200_000, output: 0 }, want: '200' },
    { name: 'the first token of the next', usage: { input: 200_001, output: 0 }, want: '400.002' },
    {
      name: 'cached tokens, which count for the tier',
      usage: { input: 1000, cacheRead: 200_000, output: 0 },
      want: '42',
    },
    {
      name: 'output, by the tier of the input',
      usage: { input: 200_001, output: 1000 },
      want: '420.002',
    },
  ])('prices $name', ({ usage, want }) => {
    expect(formatAmount(priceUsage({ usage: chatUsage(usage), rates: tiered, factor: '1' }).total)).toBe(
      want,
    );
  });

  test('prices input beyond every bound by the dearest tier', () => {
    const bounded = [
      { upToInputTokens: 10, input: '5', output: '1' },
      { upToInputTokens: 20, input: '3', output: '4' },
    ];
    const price = priceUsage({
      usage: chatUsage({ input: 1000, output: 1000 }),
      rates: bounded,
      factor: '1',
    });
    expect(formatAmount(price.total)).toBe('9');
  });

  test('prices cached tokens like other input when no rate of their own is known', () => {
    const rates = [{ input: '2', output: '1' }];
    const usage = chatUsage({ input: 0, cacheRead: 1000, output: 0 });
    expect(formatAmount(priceUsage({ usage, rates, factor: '1' }).total)).toBe('2');
  });

  test('shows no output cost for a request without output', () => {
    const usage = chatUsage({ input: 1, output: 0 });
    expect(priceUsage({ usage, rates: [{ input: '0.00112', output: '1' }], factor: oldFactor })).toEqual({
      total: 2510n,
      input: 2510n,
      output: 0n,
    });
  });

  test('refuses to price without a rate', () => {
    expect(() => priceUsage({ usage: chatUsage({ input: 1, output: 1 }), rates: [], factor: '1' })).toThrow(
      RangeError,
    );
  });

  test('books at least the exact price and less than one nano-CU more', () => {
    fc.assert(
      fc.property(pricings, (request) => {
        const { input, output } = exactPrice(request);
        const exact = add(input, output);
        const { total } = priceUsage(request);
        expect(compare(decimalOfAmount(total), exact)).toBeGreaterThanOrEqual(0);
        expect(compare(decimalOfAmount(total), add(exact, parseDecimal('0.000000001')))).toBeLessThan(0);
      }),
    );
  });

  test('splits the booked amount into parts that are not negative and add up', () => {
    fc.assert(
      fc.property(pricings, (request) => {
        const { total, input, output } = priceUsage(request);
        expect(input + output).toBe(total);
        expect(input >= 0n && output >= 0n).toBe(true);
      }),
    );
  });
});
