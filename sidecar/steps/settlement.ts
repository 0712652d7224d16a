import type { NanoCu } from '../../accounting/amount.ts';
import type { UnknownReason } from '../../accounting/messages.ts';
import { type Price, priceUsage } from '../../accounting/price.ts';
import { answeringAttempts, type FallbackFacts } from '../../accounting/orchestration-answer.ts';
import type { Usage } from '../../accounting/usage.ts';
import type { PricedModel } from '../catalogue.ts';

/** What an answer tells about its cost. */
export interface AnswerReport {
  /** As the answer has it. */
  readonly usage?: unknown;
  /** Whether it holds any text or tool call. */
  readonly hasContent?: boolean;
  /** Which of several attempts answered, and whether others may have cost something before. */
  readonly fallback?: FallbackFacts & { readonly mayHaveCostMore: boolean };
}

/** How the call to SAP ended, as far as its cost is concerned. */
export type CallEnd =
  /** Nothing of the request left. */
  | { kind: 'not_sent' }
  | ({ kind: 'connection_lost' } & AnswerReport)
  /** We stopped reading an answer nobody waited for, or one that is too long. */
  | ({ kind: 'read_bound' } & AnswerReport)
  /** An error event inside an answer that had begun with 200. */
  | ({ kind: 'error_in_stream' } & AnswerReport)
  | ({
      kind: 'answered';
      status: number;
      /** Whether a status that refuses does not say that no model ran. */
      mayHaveRun?: boolean;
    } & AnswerReport);

/** What is booked for a call. */
export type Settlement =
  /** `model`: which was priced; absent where nothing ran. */
  | { kind: 'settled'; spent: NanoCu; price?: Price; usage?: Usage; model?: PricedModel }
  | { kind: 'unknown'; reason: UnknownReason };

const nothing: Settlement = { kind: 'settled', spent: 0n };

/**
 * What SAP answers without having run a model: 4xx refuses, 503 is not ready. A model that took too long for somebody
 * (408) has run, and so may one whose prompt or answer a content filter refused: Azure bills both.
 */
function isWithoutInference({
  status,
  mayHaveRun = false,
}: {
  status: number;
  mayHaveRun?: boolean;
}): boolean {
  if (mayHaveRun || status === 408) return false;
  return (status >= 400 && status < 500) || status === 503;
}

/** What a call is priced by. */
export interface CallPricing {
  readonly readUsage: (raw: unknown) => Usage | undefined;
  /** The models that may have answered, in the order in which they were to be tried. */
  readonly models: readonly PricedModel[];
  /** CU per GenAI token when the request was admitted. */
  readonly factor: string;
}

/**
 * What a call is booked with. Unknown is never free: only what is known to have cost nothing settles at nothing, and
 * where several models may have answered the dearest counts.
 */
export function settlementOf(end: CallEnd, pricing: CallPricing): Settlement {
  if (end.kind === 'not_sent') return nothing;
  if (end.kind === 'answered' && end.status !== 200)
    return isWithoutInference(end) ? nothing : { kind: 'unknown', reason: 'upstream_error' };
  const usage = pricing.readUsage(end.usage);
  if (usage === undefined || contradictsContent(end, usage))
    return { kind: 'unknown', reason: unknownReasonOf(end) };
  // A model that failed before another answered may have run, and nobody says for how much.
  if (end.fallback?.mayHaveCostMore === true) return { kind: 'unknown', reason: 'upstream_error' };
  const { model, price } = dearest(usage, end.fallback, pricing);
  return { kind: 'settled', spent: price.total, price, usage, model };
}

function dearest(
  usage: Usage,
  fallback: FallbackFacts | undefined,
  { models, factor }: CallPricing,
): { model: PricedModel; price: Price } {
  const facts = fallback ?? { model: undefined, failures: undefined };
  const priced = answeringAttempts(models, facts).flatMap((index) => {
    const model = models[index];
    return model === undefined ? [] : [{ model, price: priceUsage({ usage, rates: model.rates, factor }) }];
  });
  return priced.reduce((most, one) => (one.price.total > most.price.total ? one : most));
}

function contradictsContent({ hasContent }: AnswerReport, usage: Usage): boolean {
  return hasContent === true && usage.output === 0;
}

function unknownReasonOf({ kind }: Exclude<CallEnd, { kind: 'not_sent' }>): UnknownReason {
  if (kind === 'answered') return 'usage_missing';
  return kind === 'error_in_stream' ? 'upstream_error' : kind;
}
