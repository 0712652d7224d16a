import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  ceilToNano,
  compare,
  type Decimal,
  decimalOfAmount,
  DecimalError,
  dearer,
  floorDivide,
  formatDecimal,
  multiply,
  parseDecimal,
  parseFactor,
  scaleBy,
  shiftDown,
} from './decimal.ts';

const decimals = fc.record({
  coefficient: fc.bigInt({ min: 0n, max: 10n ** 30n }),
  scale: fc.integer({ min: 0, max: 30 }),
});
const at60 = (decimal: Decimal): bigint => decimal.coefficient * 10n ** BigInt(60 - decimal.scale);

describe('parseDecimal', () => {
  test.each([
    ['0', '0'],
    ['0.0', '0'],
    ['0.00112', '0.00112'],
    ['2.24038', '2.24038'],
    ['0.0092000', '0.0092'],
    ['1e-7', '0.0000001'],
    ['1.5E+3', '1500'],
    ['100', '100'],
    ['999999999999.999999999999999999', '999999999999.999999999999999999'],
  ])('reads %s as %s', (text, want) => {
    expect(formatDecimal(parseDecimal(text))).toBe(want);
  });

  test.each([
    ['', 'malformed'],
    ['-1', 'malformed'],
    ['+1', 'malformed'],
    ['.5', 'malformed'],
    ['5.', 'malformed'],
    ['0x1', 'malformed'],
    ['NaN', 'malformed'],
    ['1e', 'malformed'],
    ['1e999', 'malformed'],
    ['9'.repeat(49), 'malformed'],
    ['1000000000000', 'too_long'],
    ['1e12', 'too_long'],
    ['0.0000000000000000001', 'too_long'],
    ['1e-19', 'too_long'],
  ])('refuses %s as %s', (text, reason) => {
    expect(() => parseDecimal(text)).toThrow(DecimalError);
    expect(() => parseDecimal(text)).toThrow(expect.objectContaining({ reason }));
  });
});

describe('arithmetic', () => {
  test('adds, multiplies and compares without losing a digit', () => {
    fc.assert(
      fc.property(decimals, decimals, (a, b) => {
        expect(at60(add(a, b))).toBe(at60(a) + at60(b));
        expect(at60(multiply(a, b))).toBe(
          a.coefficient * b.coefficient * 10n ** BigInt(60 - a.scale - b.scale),
        );
        expect(Math.sign(compare(a, b))).toBe(at60(a) === at60(b) ? 0 : at60(a) < at60(b) ? -1 : 1);
        expect(at60(dearer(a, b))).toBe(at60(a) > at60(b) ? at60(a) : at60(b));
      }),
    );
  });

  test('rounds to nano-CU upwards and by less than one', () => {
    fc.assert(
      fc.property(decimals, (decimal) => {
        const nano = ceilToNano(decimal);
        expect(compare(decimalOfAmount(nano), decimal)).toBeGreaterThanOrEqual(0);
        expect(compare(decimalOfAmount(nano - 1n), decimal)).toBeLessThan(0);
      }),
    );
  });

  test('divides to the largest whole number that fits', () => {
    const divisors = decimals.filter(({ coefficient }) => coefficient > 0n);
    fc.assert(
      fc.property(decimals, divisors, (dividend, divisor) => {
        const quotient = floorDivide(dividend, divisor) ?? -1n;
        const whole = (count: bigint): Decimal => multiply(divisor, { coefficient: count, scale: 0 });
        expect(compare(whole(quotient), dividend)).toBeLessThanOrEqual(0);
        expect(compare(whole(quotient + 1n), dividend)).toBeGreaterThan(0);
      }),
    );
  });

  test('has no quotient by zero', () => {
    expect(floorDivide(parseDecimal('1'), parseDecimal('0.0'))).toBeUndefined();
  });

  test('scales by counts and powers of ten', () => {
    expect(formatDecimal(scaleBy(parseDecimal('0.00112'), 3500))).toBe('3.92');
    expect(formatDecimal(shiftDown(parseDecimal('3.92'), 3))).toBe('0.00392');
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses %s as a count', (count) => {
    expect(() => scaleBy(parseDecimal('1'), count)).toThrow(RangeError);
  });
});

test('factors are read as decimals, whichever was read before', () => {
  for (const text of ['1.90385', '2.24038', '1.90385', '1.90385'])
    expect(parseFactor(text)).toEqual(parseDecimal(text));
  expect(() => parseFactor('x')).toThrow('is not a decimal');
  expect(parseFactor('1.90385')).toEqual(parseDecimal('1.90385'));
});
