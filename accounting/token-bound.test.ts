import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundTextTokens } from './token-bound.ts';

const bytes = (text: string): number => new TextEncoder().encode(text).length;

test.each([
  ['nothing', '', 0],
  ['ASCII', 'hello', 5],
  ['Latin letters with marks', 'größe', 7],
  ['a letter and its mark apart, composed by NFKC', 'e\u0301', 3],
  ['kanji', '漢字', 6],
  ['a pair of surrogates', '😀', 4],
  ['a lone surrogate', '\ud800', 3],
  ['a ligature that NFKC writes out', '\ufdfa', 33],
])('%s', (_name, text, want) => {
  expect(boundTextTokens(text)).toBe(want);
});

test('is at least the bytes of the text, as it is and normalised', () => {
  const texts = fc.string({
    unit: fc.oneof(fc.constant('\ufdfa'), fc.constant('\udc00'), fc.string({ unit: 'binary', maxLength: 1 })),
  });
  fc.assert(
    fc.property(texts, (text) => {
      expect(boundTextTokens(text)).toBe(Math.max(bytes(text), bytes(text.normalize('NFKC'))));
    }),
  );
});
