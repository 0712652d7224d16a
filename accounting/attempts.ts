import type { NanoCu } from './amount.ts';
import type { RateTier } from './configuration-messages.ts';
import { affordableOutputTokens, worstCase } from './worst-case.ts';

/** One model call that a request may cause. */
export interface PricedAttempt {
  readonly inputTokens: number;
  readonly choices: number;
  /** Rates of every version that may answer. */
  readonly possibleRates: readonly (readonly RateTier[])[];
  /** Most output tokens of each choice. */
  readonly outputTokens: number;
}

/**
 * The most a request can cost (nano-CU) when every attempt runs, each at its dearest version and with no more than
 * `limit` output tokens a choice.
 *
 * @throws as `worstCase` does
 */
export function worstCaseOfAttempts(
  attempts: readonly PricedAttempt[],
  { factor, limit }: { factor: string; limit: number },
): NanoCu {
  return attempts
    .map(({ inputTokens, choices, possibleRates, outputTokens }) =>
      possibleRates
        .map((tiers) =>
          worstCase({ inputTokens, choices, tiers, factor, outputTokens: Math.min(limit, outputTokens) }),
        )
        .reduce((most, cost) => (cost > most ? cost : most), 0n),
    )
    .reduce((sum, cost) => sum + cost, 0n);
}

/**
 * The largest output limit with which all attempts together still fit the amount (nano-CU): one token more would not
 * fit, or no attempt can have it.
 *
 * @returns undefined when not even the inputs fit
 * @throws as `worstCase` does
 */
export function affordableLimit(
  attempts: readonly PricedAttempt[],
  { factor, amount }: { factor: string; amount: NanoCu },
): number | undefined {
  const [only, ...others] = attempts;
  if (only !== undefined && others.length === 0) return affordableByOne(only, { factor, amount });
  const fits = (limit: number) => worstCaseOfAttempts(attempts, { factor, limit }) <= amount;
  if (!fits(0)) return undefined;
  let most = attempts.reduce((longest, { outputTokens }) => Math.max(longest, outputTokens), 0);
  if (fits(most)) return most;
  let fitting = 0;
  while (most - fitting > 1) {
    const middle = fitting + Math.floor((most - fitting) / 2);
    if (fits(middle)) fitting = middle;
    else most = middle;
  }
  return fitting;
}

function affordableByOne(
  { inputTokens, choices, possibleRates, outputTokens }: PricedAttempt,
  { factor, amount }: { factor: string; amount: NanoCu },
): number | undefined {
  const counts = possibleRates.map((tiers) =>
    affordableOutputTokens({ inputTokens, choices, tiers, factor, amount }),
  );
  return counts.reduce<number | undefined>(
    (least, count) => (least === undefined || count === undefined ? undefined : Math.min(least, count)),
    outputTokens,
  );
}
