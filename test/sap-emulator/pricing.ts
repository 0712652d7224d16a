import type { Tokens } from './chat-plan.ts';
import type { EmulatorConfig, ModelVersion, RateTier } from './config.ts';
import type { Exact } from './exact.ts';
import { add, multiply, parseExact, thousandth, whole } from './exact.ts';
import { EmulatorError } from './errors.ts';

/** CU per GenAI token at an instant (ms since 1970), as decimal text. */
export function factorAt(factors: EmulatorConfig['factors'], atMs: number): string {
  const day = new Date(atMs).toISOString().slice(0, 10);
  const factor = factors.findLast(({ from }) => from <= day);
  if (factor === undefined) {
    throw new EmulatorError(
      'config_invalid',
      `no factor is in force on ${day}: add an earlier one to the configuration`,
    );
  }
  return factor.factor;
}

/** The exact CU of these tokens: Σ(tokens of a kind ÷ 1000 × its rate) × factor, without any rounding. */
export function price(tokens: Tokens, version: ModelVersion, factor: string): Exact {
  const tier = chooseTier(version.rates, tokens.prompt);
  const parts = [
    multiply(whole(tokens.prompt - tokens.cached), parseExact(tier.input)),
    multiply(whole(tokens.cached), parseExact(tier.cacheRead ?? tier.input)),
    multiply(whole(tokens.output), parseExact(tier.output)),
  ];
  return multiply(thousandth(parts.reduce(add)), parseExact(factor));
}

function chooseTier(tiers: readonly RateTier[], promptTokens: number): RateTier {
  const tier = tiers.find(
    ({ upToInputTokens }) => upToInputTokens === undefined || promptTokens <= upToInputTokens,
  );
  const chosen = tier ?? tiers.at(-1);
  if (chosen === undefined) {
    throw new EmulatorError('config_invalid', 'a model version needs at least one rate');
  }
  return chosen;
}
