import * as fc from 'fast-check';
import type { RateTier } from './configuration-messages.ts';
import type { Usage } from './usage.ts';

/** Usage with everything that a test does not care about left at zero. */
export function chatUsage(usage: { input: number; cacheRead?: number; output: number }): Usage {
  return { cacheRead: 0, reasoning: 0, ...usage };
}

const rateText = fc
  .tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 9_999_999 }))
  .map(([whole, fraction]) => `${whole}.${fraction.toString().padStart(7, '0')}`);

const tier = fc.record(
  {
    upToInputTokens: fc.integer({ min: 1, max: 500_000 }),
    input: rateText,
    output: rateText,
    cacheRead: rateText,
  },
  { requiredKeys: ['input', 'output'] },
);

/** One to four tiers in ascending order; rates rise, fall or vanish from tier to tier. */
export const tierLists: fc.Arbitrary<RateTier[]> = fc
  .uniqueArray(tier, { minLength: 1, maxLength: 4, selector: (entry) => entry.upToInputTokens ?? Infinity })
  .map((tiers) =>
    tiers.toSorted((a, b) => (a.upToInputTokens ?? Infinity) - (b.upToInputTokens ?? Infinity)),
  );

/** CU per GenAI token, never zero. */
export const factors = fc
  .integer({ min: 1, max: 999_999 })
  .map((fraction) => `1.${fraction.toString().padStart(6, '0')}`);

export const tokenCounts = fc.integer({ min: 0, max: 600_000 });

/** Usage with rates and a factor. */
export const pricings = fc.record({
  usage: fc.record({
    input: tokenCounts,
    cacheRead: tokenCounts,
    output: tokenCounts,
    reasoning: fc.constant(0),
  }),
  rates: tierLists,
  factor: factors,
});
