import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AmountError,
  type AmountErrorReason,
  formatAmount,
  formatRounded,
  maxAmount,
  maxQuantity,
  parseAmount,
  parseQuantity,
} from './amount.ts';

function reasonOf(run: () => unknown): AmountErrorReason {
  try {
    run();
  } catch (error) {
    if (error instanceof AmountError) return error.reason;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseAmount', () => {
  test.each([
    ['0', 0n],
    ['1', 1_000_000_000n],
    ['0.000000001', 1n],
    ['412.003918274', 412_003_918_274n],
    ['37.50', 37_500_000_000n],
    ['1000000000000', maxAmount],
  ])('reads %s', (text, want) => {
    expect(parseAmount(text)).toBe(want);
  });

  test.each<[string, AmountErrorReason]>([
    ['', 'malformed'],
    ['-1', 'malformed'],
    ['+1', 'malformed'],
    ['.5', 'malformed'],
    ['5.', 'malformed'],
    ['01', 'malformed'],
    ['1e3', 'malformed'],
    ['1k', 'malformed'],
    ['0x10', 'malformed'],
    ['١', 'malformed'],
    [' 1', 'malformed'],
    ['1\n', 'malformed'],
    ['1.0000000000', 'malformed'],
    ['1000000000000.000000001', 'too_large'],
  ])('refuses %j as %s', (text, want) => {
    expect(reasonOf(() => parseAmount(text))).toBe(want);
  });

  test('keeps a refusal short, however long the text', () => {
    expect(() => parseAmount('9'.repeat(1_000_000))).toThrow(/^.{1,200}$/);
    expect(() => parseQuantity('9'.repeat(1_000_000))).toThrow(/^.{1,200}$/);
  });

  test('reads back every amount that was written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxAmount }), (nano) => {
        const text = formatAmount(nano);
        expect(parseAmount(text)).toBe(nano);
        expect(text).toMatch(/^(0|[1-9]\d*)(\.\d{0,8}[1-9])?$/);
        expect(text.length).toBeLessThanOrEqual(24);
      }),
    );
  });
});

describe('formatAmount', () => {
  test.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [-1n, '-0.000000001'],
    [-2_500_000_000n, '-2.5'],
    [100_000_000_000n, '100'],
  ])('writes %s as %s', (nano, want) => {
    expect(formatAmount(nano)).toBe(want);
  });
});

describe('formatRounded', () => {
  test.each([
    [10_933_055n, 5, '0.01093'],
    [2_038_745_800n, 4, '2.0387'],
    [15_189_777n, 4, '0.0152'],
    [5_000n, 5, '0.00001'],
    [4_999n, 5, '0.00000'],
    [-5_000n, 5, '-0.00001'],
    [-4_999n, 5, '0.00000'],
    [1_500_000_000n, 0, '2'],
    [1n, 9, '0.000000001'],
    [99_999_999_999n, 2, '100.00'],
  ])('shows %s with %s decimals as %s', (nano, decimals, want) => {
    expect(formatRounded(nano, decimals)).toBe(want);
  });

  test.each([-1, 10, 1.5, Number.NaN])('refuses %s decimals', (decimals) => {
    expect(() => formatRounded(1n, decimals)).toThrow(RangeError);
  });
});

describe('parseQuantity', () => {
  test.each<[string | number, string]>([
    [0, '0'],
    [2500, '2500'],
    [1_000_000_000, '1000000000'],
    ['2500', '2500'],
    ['+5', '5'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['007', '7'],
    ['1n', '0.000000001'],
    ['1500u', '0.0015'],
    ['250m', '0.25'],
    ['2k', '2000'],
    ['1.5M', '1500000'],
    ['1G', '1000000000'],
    ['0.000001T', '1000000'],
    ['0.000001P', '1000000000'],
    ['0.000000001E', '1000000000'],
    ['1Ki', '1024'],
    ['1.5Mi', '1572864'],
    ['0.5Gi', '536870912'],
    ['0.0000001Ti', '109951.1627776'],
    ['1e3', '1000'],
    ['1E3', '1000'],
    ['12e-1', '1.2'],
    ['1E+2', '100'],
    ['0e999', '0'],
    ['1.0000000000', '1'],
    ['1000000000e-9', '1'],
  ])('reads %s as %s CU', (value, want) => {
    expect(formatAmount(parseQuantity(value))).toBe(want);
  });

  test.each<[string | number, AmountErrorReason]>([
    ['', 'malformed'],
    ['.', 'malformed'],
    ['k', 'malformed'],
    ['1K', 'malformed'],
    ['1ki', 'malformed'],
    ['1e', 'malformed'],
    ['1e1k', 'malformed'],
    ['1 k', 'malformed'],
    ['1,5', 'malformed'],
    ['1e9999', 'malformed'],
    ['0'.repeat(65), 'malformed'],
    [0.5, 'malformed'],
    [Number.NaN, 'malformed'],
    [Number.POSITIVE_INFINITY, 'malformed'],
    [2 ** 53, 'malformed'],
    [-1, 'negative'],
    ['-0.5', 'negative'],
    ['0.1n', 'too_fine'],
    ['0.0000000001', 'too_fine'],
    ['1e-10', 'too_fine'],
    ['1E', 'too_large'],
    ['1Gi', 'too_large'],
    ['1000000000.000000001', 'too_large'],
    ['1e999', 'too_large'],
  ])('refuses %j as %s', (value, want) => {
    expect(reasonOf(() => parseQuantity(value))).toBe(want);
  });

  test('reads every amount up to its bound as the wire does', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxQuantity }), (nano) => {
        expect(parseQuantity(formatAmount(nano))).toBe(nano);
        expect(parseQuantity(`${nano}n`)).toBe(nano);
        expect(parseQuantity(`${nano}e-9`)).toBe(nano);
      }),
    );
  });
});
