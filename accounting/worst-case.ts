import type { NanoCu } from './amount.ts';
import {
  add,
  ceilToNano,
  dearer,
  type Decimal,
  decimalOfAmount,
  floorDivide,
  multiply,
  parseFactor,
  scaleBy,
  shiftDown,
} from './decimal.ts';
import type { RateTier } from './configuration-messages.ts';
import { type ParsedTier, parseTiers, reachableTiers } from './rate-tier.ts';

/** What bounds the price of a request before it is sent. */
export interface RequestBound {
  /** Most input tokens, cached ones included. */
  readonly inputTokens: number;
  /** How many answers are made from that one input (`n`). */
  readonly choices: number;
  readonly tiers: readonly RateTier[];
  /** CU per GenAI token, as decimal text. */
  readonly factor: string;
}

/**
 * The most a request can cost if its bounds hold: all input at the dearest kind, every choice with all its
 * output, at whichever tier within reach makes that dearest. Rounded up as the booked price is, so that no
 * usage within the bounds is ever booked above it.
 *
 * @returns nano-CU
 * @throws RangeError when a count is not a whole number from 0 to 2^53 − 1, or there is no tier
 * @throws DecimalError when a rate or the factor is not a decimal
 */
export function worstCase(request: RequestBound & { outputTokens: number }): NanoCu {
  const { outputTokens, choices } = request;
  const costs = tierCosts(request).map(({ input, outputToken }) =>
    ceilToNano(add(input, scaleBy(scaleBy(outputToken, choices), outputTokens))),
  );
  return costs.reduce((most, cost) => (cost > most ? cost : most), 0n);
}

/**
 * The largest output limit with which the worst case still fits the amount (nano-CU), exactly: one token more
 * would not fit. 2^53 − 1 where output costs nothing.
 *
 * @returns undefined when not even the input fits
 * @throws as `worstCase` does
 */
export function affordableOutputTokens(request: RequestBound & { amount: NanoCu }): number | undefined {
  const amount = decimalOfAmount(request.amount);
  let affordable = BigInt(Number.MAX_SAFE_INTEGER);
  for (const { input, outputToken } of tierCosts(request)) {
    const left = add(amount, { coefficient: -input.coefficient, scale: input.scale });
    if (left.coefficient < 0n) return undefined;
    const tokens = floorDivide(left, scaleBy(outputToken, request.choices));
    if (tokens !== undefined && tokens < affordable) affordable = tokens;
  }
  return Number(affordable);
}

/** For each tier within reach: CU of the most input it can have, and of one output token. */
function tierCosts(request: RequestBound): { input: Decimal; outputToken: Decimal }[] {
  const { inputTokens, tiers } = request;
  requireCount(inputTokens);
  const cuPerToken = shiftDown(parseFactor(request.factor), 3);
  return reachableTiers(parseTiers(tiers), inputTokens).map((tier: ParsedTier) => ({
    input: multiply(
      scaleBy(dearer(tier.input, tier.cacheRead), Math.min(inputTokens, tier.upToInputTokens)),
      cuPerToken,
    ),
    outputToken: multiply(tier.output, cuPerToken),
  }));
}

/** Without this a NaN would reach no tier, and cost nothing. */
function requireCount(inputTokens: number): void {
  if (Number.isSafeInteger(inputTokens) && inputTokens >= 0) return;
  throw new RangeError(`input tokens must be an integer from 0 to 2^53 - 1, not ${inputTokens}`);
}
