import type { NanoCu } from '../../accounting/amount.ts';
import type { UnknownReason } from '../../accounting/messages.ts';
import { type Price, priceUsage } from '../../accounting/price.ts';
import { type Usage, usageOfOpenAiChat } from '../../accounting/usage.ts';
import type { RateTier } from '../../accounting/messages.ts';

/** How the call to SAP ended, as far as its cost is concerned. */
export type CallEnd =
  /** Nothing of the request left. */
  | { kind: 'not_sent' }
  | ({ kind: 'connection_lost' } & Told)
  /** We stopped reading an answer nobody waited for, or one that is too long. */
  | ({ kind: 'read_bound' } & Told)
  /** An error event inside an answer that had begun with 200. */
  | ({ kind: 'error_in_stream' } & Told)
  | ({ kind: 'answered'; status: number } & Told);

/** `usage` as the answer has it; `hasContent`: whether it holds any text or tool call. */
interface Told {
  usage?: unknown;
  hasContent?: boolean;
}

/** What is booked for a call. */
export type Settlement =
  | { kind: 'settled'; spent: NanoCu; price?: Price; usage?: Usage }
  | { kind: 'unknown'; reason: UnknownReason };

const nothing: Settlement = { kind: 'settled', spent: 0n };

/** What SAP answers without having run a model: 4xx refuses, 503 is not ready. */
function isWithoutInference(status: number): boolean {
  return (status >= 400 && status < 500) || status === 503;
}

/**
 * What a call is booked with. Unknown is never free: only what is known to have cost nothing settles at nothing.
 */
export function settlementOf(
  end: CallEnd,
  pricing: { rates: readonly RateTier[]; factor: string },
): Settlement {
  if (end.kind === 'not_sent') return nothing;
  if (end.kind === 'answered' && end.status !== 200)
    return isWithoutInference(end.status) ? nothing : { kind: 'unknown', reason: 'upstream_error' };
  const usage = usageOfOpenAiChat(end.usage);
  if (usage === undefined || contradictsContent(end, usage))
    return { kind: 'unknown', reason: unknownReasonOf(end) };
  const price = priceUsage({ usage, ...pricing });
  return { kind: 'settled', spent: price.total, price, usage };
}

function contradictsContent({ hasContent }: Told, usage: Usage): boolean {
  return hasContent === true && usage.output === 0;
}

function unknownReasonOf({ kind }: Exclude<CallEnd, { kind: 'not_sent' }>): UnknownReason {
  if (kind === 'answered') return 'usage_missing';
  return kind === 'error_in_stream' ? 'upstream_error' : kind;
}
