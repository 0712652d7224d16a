import type { NanoCu } from '../../accounting/amount.ts';
import { type OutputLimitField, boundChatRequest, limitField } from '../../accounting/chat-bound.ts';
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
  const { model } = target;
  const bound = boundChatRequest(body, { contextLength: model.contextLength });
  if (bound.kind === 'refused')
    throw new ProxyError('request_not_bounded', bound.message, { field: bound.field });
  const factor = factorAt(catalogue.budget.factors, nowMs);
  if (factor === undefined)
    throw new ProxyError(
      'model_unpriced',
      'the rate card has no factor for today: add one to the SapAiRateCard',
    );
  const { maximum, minimum } = catalogue.budget.outputTokens;
  const field = bound.outputLimit?.field ?? limitField(model.model);
  const longest = outputMaximum(model.model, model.version) ?? Number.POSITIVE_INFINITY;
  const chosen = maximum === undefined ? undefined : Math.min(maximum, longest);
  const outputTokens = outputBound(model, { told: bound.outputLimit?.tokens ?? chosen, field });
  const { inputTokens, choices, certainty } = bound;
  const prices = pricesOf({ inputTokens, choices, factor }, target);
  const least = Math.min(minimum, outputTokens);
  const wish: Wish = {
    amount: prices.worst(outputTokens),
    smallest: prices.worst(least),
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
  const relyOnMaximum = bound.outputLimit === undefined && chosen !== undefined;
  return {
    body,
    factor,
    certainty,
    wish,
    limitFor,
    sentLimit: relyOnMaximum ? { field, tokens: outputTokens } : undefined,
  };
}

/** The most output a request can have: what the model is told, and never more than its context. */
function outputBound(
  { model, contextLength }: PricedModel,
  { told, field }: { told: number | undefined; field: OutputLimitField },
): number {
  if (told !== undefined) return contextLength === undefined ? told : Math.min(told, contextLength);
  if (contextLength !== undefined) return contextLength;
  throw new ProxyError(
    'no_output_bound',
    `model ${model} has no stated context length: set ${field}, or outputTokens.maximum in the budget`,
    { field },
  );
}

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
