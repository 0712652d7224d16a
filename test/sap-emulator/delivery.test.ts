import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { splitInside } from './delivery.ts';

test('cuts inside the first long character', () => {
  const parts = splitInside(Buffer.from('data: größer\n\n'));
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.some((part) => part.at(-1) === 0xc3)).toBe(true);
});

test('loses nothing and makes no empty pieces', () => {
  assert(
    property(string({ unit: 'binary', minLength: 1, maxLength: 60 }), (text) => {
      const parts = splitInside(Buffer.from(text));
      expect(Buffer.concat(parts).equals(Buffer.from(text))).toBe(true);
      expect(parts.every((part) => part.length > 0)).toBe(true);
    }),
  );
});
