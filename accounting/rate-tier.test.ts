import { describe, expect, test } from 'vitest';
import { formatDecimal } from './decimal.ts';
import { type ParsedTier, parseTiers, reachableTiers, tierAt } from './rate-tier.ts';

const inputs = (tiers: readonly ParsedTier[]): string[] => tiers.map((tier) => formatDecimal(tier.input));

describe('tiers with an open end', () => {
  const tiers = parseTiers([
    { upToInputTokens: 100, input: '1', output: '1' },
    { upToInputTokens: 200, input: '2', output: '2' },
    { input: '3', output: '3' },
  ]);

  test.each([
    [0, ['1']],
    [100, ['1']],
    [101, ['1', '2']],
    [200, ['1', '2']],
    [201, ['1', '2', '3']],
    [Number.MAX_SAFE_INTEGER, ['1', '2', '3']],
  ])('at most %s tokens can reach the tiers %s, and exactly so many fall into the last', (tokens, want) => {
    expect(inputs(reachableTiers(tiers, tokens))).toEqual(want);
    expect(inputs([tierAt(tiers, tokens)])).toEqual(want.slice(-1));
  });
});

test('tiers without an open end go on with the dearest rate of each kind', () => {
  const tiers = parseTiers([
    { upToInputTokens: 10, input: '5', output: '1', cacheRead: '0.5' },
    { upToInputTokens: 20, input: '3', output: '4', cacheRead: '0.6' },
  ]);
  const { upToInputTokens, input, output, cacheRead } = tierAt(tiers, 21);
  expect(upToInputTokens).toBe(Infinity);
  expect([input, output, cacheRead].map(formatDecimal)).toEqual(['5', '4', '0.6']);
});

test('tiers out of order are put in order', () => {
  const tiers = parseTiers([
    { input: '3', output: '3' },
    { upToInputTokens: 100, input: '1', output: '1' },
  ]);
  expect(inputs(tiers)).toEqual(['1', '3']);
});

test('a cache rate that is not given is the input rate', () => {
  const [tier] = parseTiers([{ input: '3', output: '1' }]);
  expect(formatDecimal(tier.cacheRead)).toBe('3');
});
