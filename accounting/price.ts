import type { NanoCu } from './amount.ts';
import { add, ceilToNano, type Decimal, multiply, parseFactor, scaleBy, shiftDown } from './decimal.ts';
import type { RateTier } from './configuration-messages.ts';
import { parseTiers, tierAt } from './rate-tier.ts';
import type { Usage } from './usage.ts';

/** What a request is priced by: what was in force when it was admitted. */
export interface Pricing {
  /** Rates of the model version, in GenAI tokens per 1,000 tokens. */
  readonly rates: readonly RateTier[];
  /** CU per GenAI token, as decimal text. */
  readonly factor: string;
}

/** What a request cost, in nano-CU; `input` + `output` = `total`. */
export interface Price {
  /** The booked amount: the exact price, rounded up once. */
  readonly total: NanoCu;
  /** The part of input, for display. */
  readonly input: NanoCu;
  /** The part of output, for display. */
  readonly output: NanoCu;
}

/** The exact price of a request in CU, before any rounding. */
export interface ExactPrice {
  readonly input: Decimal;
  readonly output: Decimal;
}

/**
 * Prices usage exactly. The tier is chosen by the whole input, cached tokens included, and holds for all tokens
 * of the request.
 *
 * @throws DecimalError when a rate or the factor is not a decimal
 * @throws RangeError when there is no rate
 */
export function exactPrice(request: { usage: Usage } & Pricing): ExactPrice {
  const { usage, rates, factor } = request;
  const tier = tierAt(parseTiers(rates), usage.input + usage.cacheRead);
  const cuPerGenAiToken = parseFactor(factor);
  const inputs = add(scaleBy(tier.input, usage.input), scaleBy(tier.cacheRead, usage.cacheRead));
  return {
    input: perThousand(multiply(inputs, cuPerGenAiToken)),
    output: perThousand(multiply(scaleBy(tier.output, usage.output), cuPerGenAiToken)),
  };
}

/** The price of usage as it is booked; throws as `exactPrice` does. */
export function priceUsage(request: { usage: Usage } & Pricing): Price {
  const exact = exactPrice(request);
  const total = ceilToNano(add(exact.input, exact.output));
  // Rounded up, input alone never passes the total, and a request without output shows none.
  const input = ceilToNano(exact.input);
  return { total, input, output: total - input };
}

/** Rates are given per 1,000 tokens. */
function perThousand(decimal: Decimal): Decimal {
  return shiftDown(decimal, 3);
}
