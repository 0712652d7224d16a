import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { globSpecificity, matchesGlob } from './glob.ts';

test.each([
  ['*', '', true],
  ['*', 'gpt-4o', true],
  ['', '', true],
  ['', 'a', false],
  ['gpt-5*', 'gpt-5', true],
  ['gpt-5*', 'gpt-5.1', true],
  ['gpt-5*', 'gpt-4.1', false],
  ['anthropic--claude-*', 'anthropic--claude-4-sonnet', true],
  ['*-sonnet', 'anthropic--claude-4-sonnet', true],
  ['*-sonnet', 'anthropic--claude-4-sonnet-x', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['gpt-4.1', 'gpt-4x1', false],
  ['GPT-5', 'gpt-5', false],
  ['gpt-5', 'gpt-5.1', false],
])('%s against %s: %s', (pattern, name, want) => {
  expect(matchesGlob(pattern, name)).toBe(want);
});

test('agrees with the regular expression of the pattern', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
  const names = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 });
  fc.assert(
    fc.property(letters, names, (pattern, name) => {
      const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*');
      expect(matchesGlob(pattern, name)).toBe(new RegExp(`^${source}$`).test(name));
    }),
    { numRuns: 1000 },
  );
});

test('orders patterns from the name itself to the star alone', () => {
  const order = ['gpt-5', 'gpt-5*', 'gpt-*', '*'].map(globSpecificity);
  expect(order).toEqual(order.toSorted((a, b) => b - a));
  expect(new Set(order).size).toBe(4);
});
