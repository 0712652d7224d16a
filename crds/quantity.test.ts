import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AmountError, formatAmount, maxAmount, parseAmount, parseQuantity } from '../accounting/amount.ts';
import { amountText, quantity, quantityPattern, signedAmountText } from './quantity.ts';

/** What the accounting makes of a text that the pattern lets through. */
function outcome(text: string): string {
  try {
    parseQuantity(text);
    return 'taken';
  } catch (error) {
    return error instanceof AmountError ? error.reason : 'another error';
  }
}

describe('the pattern of quantities', () => {
  test('lets nothing through that the accounting refuses, but for its size', () => {
    fc.assert(
      fc.property(fc.stringMatching(quantityPattern), (text) => {
        expect(['taken', 'too_large']).toContain(outcome(text));
      }),
      { numRuns: 2000 },
    );
  });

  test('lets every amount through, to the last nano-CU', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 18n), (nano) => {
        const text = formatAmount(nano);
        expect(parseQuantity(quantity.parse(text))).toBe(nano);
        expect(parseQuantity(quantity.parse(`${nano}n`))).toBe(nano);
      }),
    );
  });

  test.each([
    '',
    ' 1',
    '-1',
    '+1',
    '.5',
    '5.',
    '1.0000000001',
    '0.1n',
    '1.0001u',
    '1K',
    '1T',
    '1e10',
    '1.5e-9',
    '1 k',
  ])('refuses %j', (text) => {
    expect(quantity.safeParse(text).success).toBe(false);
  });
});

test.each([
  { given: 2500, want: '2500' },
  { given: '12.5k', want: '12.5k' },
])('a quantity is text once parsed: $given', ({ given, want }) => {
  expect(quantity.parse(given)).toBe(want);
});

test.each([12.5, -1, 1_000_000_001, true, null])('a quantity is not %j', (given) => {
  expect(quantity.safeParse(given).success).toBe(false);
});

test('what the accounting writes fits the fields that the operator writes, and can be read back', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, maxAmount), (nano) => {
      expect(parseAmount(amountText.parse(formatAmount(nano)))).toBe(nano);
    }),
  );
});

test('only a signed amount may be below zero', () => {
  fc.assert(
    fc.property(fc.bigInt(-maxAmount, -1n), (nano) => {
      const text = formatAmount(nano);
      expect(amountText.safeParse(text).success).toBe(false);
      expect(signedAmountText.parse(text)).toBe(text);
    }),
  );
});
