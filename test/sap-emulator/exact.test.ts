import { array, assert, bigInt, integer, property, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { add, formatExact, multiply, parseExact, thousandth, whole, zero, divide } from './exact.ts';

test.each([
  { given: '0', want: '0' },
  { given: '12', want: '12' },
  { given: '0.50', want: '0.5' },
  { given: '0.000000000000000001', want: '0.000000000000000001' },
  { given: '007.10', want: '7.1' },
])('writes $given as $want', ({ given, want }) => {
  expect(formatExact(parseExact(given))).toBe(want);
});

test.each(['', '-1', '1e3', '.5', '1.', '0,5', ' 1', '1.0000000000000000001'])('refuses "%s"', (text) => {
  expect(() => parseExact(text)).toThrow('no unsigned decimal number');
});

test('adds and multiplies numbers of different scale without error', () => {
  expect(formatExact(add(parseExact('0.1'), parseExact('0.02')))).toBe('0.12');
  expect(formatExact(multiply(parseExact('0.00112'), parseExact('2.24038')))).toBe('0.0025092256');
  expect(formatExact(thousandth(whole(3500)))).toBe('3.5');
});

test('a sum does not depend on the order of its parts', () => {
  const numbers = array(tuple(bigInt(0n, 10n ** 20n), integer({ min: 0, max: 18 })), {
    maxLength: 20,
  });
  assert(
    property(numbers, (pairs) => {
      const parts = pairs.map(([units, places]) => ({ units, places }));
      expect(formatExact(parts.reduce(add, zero))).toBe(formatExact(parts.toReversed().reduce(add, zero)));
    }),
  );
});

test('refuses a count that is no whole number', () => {
  expect(() => whole(1.5)).toThrow('is no count');
  expect(() => whole(-1)).toThrow('is no count');
});

test('a product is divided by one of its factors without error', () => {
  const product = multiply(parseExact('0.00488'), parseExact('1.90385'));
  expect(formatExact(divide(product, parseExact('1.90385')))).toBe('0.00488');
  expect(() => divide(parseExact('1'), parseExact('3'))).toThrow('was not made with this factor');
});
