import type { NanoCu } from '../../accounting/amount.ts';
import {
  type ChatBound,
  type OutputLimitField,
  boundChatRequest,
  limitField,
} from '../../accounting/chat-bound.ts';
import { outputMaximum } from '../../accounting/output-maximum.ts';
import { factorAt } from '../../accounting/rate-card.ts';
import { affordableOutputTokens, worstCase } from '../../accounting/worst-case.ts';
import type { Catalogue, PricedModel } from '../catalogue.ts';
import type { Wish } from '../lease/next-move.ts';
import { ProxyError } from '../proxy-error.ts';
import type { Target } from './select-deployment.ts';

/** A chat request whose price has a bound. */
export interface BoundedChat {
  /** The decoded body; what is sent is written from this one. */
  readonly body: Record<string, unknown>;
  /** What to reserve, and how far it may be lowered. */
  readonly wish: Wish;
  /** The output limit to send; undefined when none needs to be: the model's context is the bound. */
  readonly sentLimit: { readonly field: OutputLimitField; readonly tokens: number } | undefined;
  /** The output limit with which a smaller reservation than wished is a bound. */
  readonly limitFor: (reserved: NanoCu) => { field: OutputLimitField; tokens: number };
  /** CU per GenAI token when the request was admitted. */
  readonly factor: string;
  readonly certainty: 'proved' | 'assumed';
}

/**
 * Finds the most a request can cost. A reservation must be a bound, so what it relies on is what the model is
 * told: the client's limit, else the budget's maximum, else the context length, which the model keeps by itself.
 *
 * @throws ProxyError `request_not_bounded`, `no_output_bound` or `model_unpriced`
 */
export function boundRequest(
  body: Record<string, unknown>,
  { target, catalogue, nowMs }: { target: Target; catalogue: Catalogue; nowMs: number },
): BoundedChat {
  const bound = boundChatRequest(body, { contextLength: target.model.contextLength });
  if (bound.kind === 'refused')
    throw new ProxyError('request_not_bounded', bound.message, { field: bound.field });
  const factor = factorAt(catalogue.budget.factors, nowMs);
  if (factor === undefined)
    throw new ProxyError(
      'model_unpriced',
      'the rate card has no factor for today: add one to the SapAiRateCard',
    );
  const output = outputBound(target.model, bound, catalogue.budget.outputTokens);
  const { outputTokens, longest, field } = output;
  const { inputTokens, choices, certainty } = bound;
  const prices = pricesOf({ inputTokens, choices, factor }, target);
  const least = Math.min(catalogue.budget.outputTokens.minimum, outputTokens);
  const wish: Wish = {
    amount: prices.worst(outputTokens),
    // Only asked for when the budget is short.
    get smallest() {
      return prices.worst(least);
    },
    lower: (affordable) => {
      const tokens = prices.affordable(affordable);
      return tokens === undefined || tokens < least
        ? undefined
        : prices.worst(Math.min(tokens, outputTokens, longest));
    },
  };
  const limitFor = (reserved: NanoCu) => ({
    field,
    tokens: Math.min(outputTokens, longest, prices.affordable(reserved) ?? least),
  });
  const sentLimit = output.isChosen ? { field, tokens: outputTokens } : undefined;
  return { body, factor, certainty, wish, limitFor, sentLimit };
}

/** The most output a request can have: what the model is told, and never more than its context. */
function outputBound(
  { model, version, contextLength = unbounded }: PricedModel,
  { outputLimit }: ChatBound,
  { maximum }: { maximum?: number | undefined },
): { outputTokens: number; longest: number; field: OutputLimitField; isChosen: boolean } {
  const field = outputLimit?.field ?? limitField(model);
  const longest = outputMaximum(model, version) ?? unbounded;
  const isChosen = outputLimit === undefined && maximum !== undefined;
  const told = isChosen ? Math.min(maximum, longest) : (outputLimit?.tokens ?? unbounded);
  const outputTokens = Math.min(told, contextLength);
  if (outputTokens !== unbounded) return { outputTokens, longest, field, isChosen };
  throw new ProxyError(
    'no_output_bound',
    `model ${model} has no stated context length: set ${field}, or outputTokens.maximum in the budget`,
    { field },
  );
}

const unbounded = Number.POSITIVE_INFINITY;

/** Prices at the dearest version that may answer. */
function pricesOf(
  request: { inputTokens: number; choices: number; factor: string },
  { model: { possibleRates } }: Target,
) {
  return {
    worst: (outputTokens: number): NanoCu =>
      possibleRates
        .map((tiers) => worstCase({ ...request, tiers, outputTokens }))
        .reduce((most, cost) => (cost > most ? cost : most), 0n),
    affordable: (amount: NanoCu): number | undefined => {
      const counts = possibleRates.map((tiers) => affordableOutputTokens({ ...request, tiers, amount }));
      return counts.reduce<number | undefined>(
        (least, count) => (least === undefined || count === undefined ? undefined : Math.min(least, count)),
        Number.MAX_SAFE_INTEGER,
      );
    },
  };
}
