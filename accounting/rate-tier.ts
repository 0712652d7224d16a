import { dearer, type Decimal, parseDecimal } from './decimal.ts';
import type { RateTier } from './configuration-messages.ts';

/** A tier with its rates parsed: GenAI tokens per 1,000 tokens of each kind. */
export interface ParsedTier {
  /** Largest total input this tier is for; Infinity when it has no bound. */
  readonly upToInputTokens: number;
  readonly input: Decimal;
  readonly output: Decimal;
  /** The input rate when no other is known: the dearer reading. */
  readonly cacheRead: Decimal;
}

/** Tiers as they were parsed: a configuration's are priced by for every request, and never change. */
const parsed = new WeakMap<readonly RateTier[], readonly [ParsedTier, ...ParsedTier[]]>();

/**
 * Parses tiers and closes them at the top: where the last one has a bound, whatever lies beyond costs the
 * dearest of all. The same list, which must not be changed afterwards, is parsed once.
 *
 * @throws RangeError when there is no tier
 * @throws DecimalError when a rate is not a decimal
 */
export function parseTiers(tiers: readonly RateTier[]): readonly [ParsedTier, ...ParsedTier[]] {
  const known = parsed.get(tiers);
  if (known !== undefined) return known;
  const closed = closeTiers(tiers);
  parsed.set(tiers, closed);
  return closed;
}

function closeTiers(tiers: readonly RateTier[]): readonly [ParsedTier, ...ParsedTier[]] {
  const [first, ...others] = tiers.map(parseTier).toSorted((a, b) => a.upToInputTokens - b.upToInputTokens);
  if (first === undefined)
    throw new RangeError('a model without a rate has no price: refuse it before pricing');
  const last = others.at(-1) ?? first;
  if (last.upToInputTokens === Number.POSITIVE_INFINITY) return [first, ...others];
  return [first, ...others, dearestTier([first, ...others])];
}

/** The tiers that a request of at most this much input may fall into, the cheapest bound first. */
export function reachableTiers(
  tiers: readonly [ParsedTier, ...ParsedTier[]],
  inputTokens: number,
): readonly ParsedTier[] {
  const reached = tiers.findIndex((tier) => inputTokens <= tier.upToInputTokens);
  return tiers.slice(0, reached + 1);
}

/** The tier of a request with exactly this much input, cached tokens included. */
export function tierAt(tiers: readonly [ParsedTier, ...ParsedTier[]], inputTokens: number): ParsedTier {
  return tiers.find((tier) => inputTokens <= tier.upToInputTokens) ?? dearestTier(tiers);
}

function parseTier(tier: RateTier): ParsedTier {
  const input = parseDecimal(tier.input);
  return {
    upToInputTokens: tier.upToInputTokens ?? Number.POSITIVE_INFINITY,
    input,
    output: parseDecimal(tier.output),
    cacheRead: tier.cacheRead === undefined ? input : parseDecimal(tier.cacheRead),
  };
}

function dearestTier(tiers: readonly [ParsedTier, ...ParsedTier[]]): ParsedTier {
  return tiers.reduce<ParsedTier>(
    (dearest, tier) => ({
      upToInputTokens: Number.POSITIVE_INFINITY,
      input: dearer(dearest.input, tier.input),
      output: dearer(dearest.output, tier.output),
      cacheRead: dearer(dearest.cacheRead, tier.cacheRead),
    }),
    tiers[0],
  );
}
