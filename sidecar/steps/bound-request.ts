import type { NanoCu } from '../../accounting/amount.ts';
import { affordableLimit, type PricedAttempt, worstCaseOfAttempts } from '../../accounting/attempts.ts';
import { outputMaximum } from '../../accounting/output-maximum.ts';
import { factorAt } from '../../accounting/rate-card.ts';
import type { Catalogue, PricedModel } from '../catalogue.ts';
import type { AttemptOutline, Outline } from '../families/family.ts';
import type { Wish } from '../lease/next-move.ts';
import { ProxyError } from '../proxy-error.ts';

/** A request whose price has a bound. */
export interface Demand {
  /** The models that may answer, in the order in which they are tried. */
  readonly models: readonly [PricedModel, ...PricedModel[]];
  /** What to reserve, and how far it may be lowered. */
  readonly wish: Wish;
  /** Output limits to send with the whole reservation, in order of the attempts; undefined where the model's context is the bound. */
  readonly sentLimits: readonly (number | undefined)[];
  /** The output limits with which a smaller reservation than wished is a bound. */
  readonly limitsFor: (reserved: NanoCu) => readonly number[];
  /** CU per GenAI token when the request was admitted. */
  readonly factor: string;
  readonly certainty: Outline['certainty'];
  readonly usageWanted: boolean;
  readonly write: Outline['write'];
}

/**
 * Finds the most a request can cost. A reservation must be a bound, so what it relies on is what the model is
 * told: the client's limit, else the budget's maximum, else the context length, which the model keeps by itself.
 *
 * @throws ProxyError `no_output_bound` or `model_unpriced`
 */
export function boundRequest(
  { attempts, certainty, usageWanted, write }: Outline,
  { catalogue, nowMs }: { catalogue: Catalogue; nowMs: number },
): Demand {
  const factor = factorAt(catalogue.budget.factors, nowMs);
  if (factor === undefined)
    throw new ProxyError(
      'model_unpriced',
      'the rate card has no factor for today: add one to the SapAiRateCard',
    );
  const { maximum, minimum } = catalogue.budget.outputTokens;
  const limits = attempts.map((attempt) => decideLimit(attempt, maximum));
  const [first, ...others] = attempts.map(({ model }) => model);
  if (first === undefined) throw new TypeError('a request without any attempt cannot be bounded');
  return {
    models: [first, ...others],
    ...wishOf(attempts, { limits, factor, minimum }),
    sentLimits: limits.map(({ sent }) => sent),
    factor,
    certainty,
    usageWanted,
    write,
  };
}

/** How much one attempt may answer. */
interface OutputDecision {
  /** What its reservation relies on. */
  readonly bound: number;
  /** The same within what its provider accepts as a limit. */
  readonly settable: number;
  /** To be told to the model although the client did not. */
  readonly sent: number | undefined;
}

function decideLimit({ model, output }: AttemptOutline, maximum: number | undefined): OutputDecision {
  if (output === undefined) return { bound: 0, settable: 0, sent: undefined };
  const { field, limit } = output;
  const longest = outputMaximum(model.model, model.version) ?? Number.POSITIVE_INFINITY;
  const chosen = maximum === undefined ? undefined : Math.min(maximum, longest);
  const bound = outputBound(model, { told: limit ?? chosen, field });
  const relyOnMaximum = limit === undefined && chosen !== undefined;
  return { bound, settable: Math.min(bound, longest), sent: relyOnMaximum ? bound : undefined };
}

/** The most output a request can have: what the model is told, and never more than its context. */
function outputBound(
  { model, contextLength }: PricedModel,
  { told, field }: { told: number | undefined; field: string },
): number {
  if (told !== undefined) return contextLength === undefined ? told : Math.min(told, contextLength);
  if (contextLength !== undefined) return contextLength;
  throw new ProxyError(
    'no_output_bound',
    `model ${model} has no stated context length: set ${field}, or outputTokens.maximum in the budget`,
    { field },
  );
}

function wishOf(
  attempts: readonly AttemptOutline[],
  { limits, factor, minimum }: { limits: readonly OutputDecision[]; factor: string; minimum: number },
): Pick<Demand, 'wish' | 'limitsFor'> {
  const priced = (tokensOf: (decision: OutputDecision) => number): PricedAttempt[] =>
    attempts.map(({ model: { possibleRates }, inputTokens, choices }, index) => {
      const decision = limits[index];
      return {
        inputTokens,
        choices,
        possibleRates,
        outputTokens: decision === undefined ? 0 : tokensOf(decision),
      };
    });
  const whole = priced(({ bound }) => bound);
  const settable = priced((decision) => decision.settable);
  const longest = Math.max(...whole.map(({ outputTokens }) => outputTokens));
  const least = Math.min(minimum, longest);
  const wish: Wish = {
    amount: worstCaseOfAttempts(whole, { factor, limit: longest }),
    // Few requests come so near the cap that it is asked for.
    get smallest() {
      return worstCaseOfAttempts(whole, { factor, limit: least });
    },
    lower: (affordable) => {
      const limit = affordableLimit(settable, { factor, amount: affordable });
      return limit === undefined || limit < least
        ? undefined
        : worstCaseOfAttempts(settable, { factor, limit });
    },
  };
  const limitsFor = (reserved: NanoCu) => {
    const limit = affordableLimit(settable, { factor, amount: reserved }) ?? least;
    return settable.map(({ outputTokens }) => Math.min(outputTokens, limit));
  };
  return { wish, limitsFor };
}
