import { answerText, envelope, filterResults, promptFilterResults, reportUsage } from './chat-answer.ts';
import type { AnswerFrame } from './chat-answer.ts';
import type { ChatPlan } from './chat-plan.ts';

/** One event of a stream, as it goes over the wire. */
export interface StreamEvent {
  text: string;
  carriesUsage: boolean;
}

/** How a stream is worded. */
export interface StreamStyle {
  crlf: boolean;
  usageOnFinish: boolean;
  noUsage: boolean;
  noDone: boolean;
  /** An error takes the place of the second half of the answer. */
  error: boolean;
}

/** Tokens in one chunk of text, and the most chunks that one choice is cut into. */
const tokensPerChunk = 4;
const maxChunks = 1000;

/** The events of a whole stream in the dialect of an Azure deployment behind AI Core. */
export function* streamEvents(
  plan: ChatPlan,
  frame: AnswerFrame,
  style: StreamStyle,
): Generator<StreamEvent> {
  const end = style.crlf ? '\r\n\r\n' : '\n\n';
  const event = (value: unknown, carriesUsage = false): StreamEvent => ({
    text: `data: ${typeof value === 'string' ? value : JSON.stringify(value)}${end}`,
    carriesUsage,
  });
  const base = envelope(frame, 'chat.completion.chunk');
  const chunk = (choices: unknown[], usage: unknown = null): Record<string, unknown> =>
    plan.includeUsage || usage !== null ? { choices, ...base, usage } : { choices, ...base };

  yield event({
    choices: [],
    created: 0,
    id: '',
    model: '',
    object: '',
    prompt_filter_results: promptFilterResults,
  });
  for (const part of contentChoices(plan, style.error)) {
    yield event(chunk([part]));
  }
  if (style.error) {
    yield event({ error: { code: '429', message: 'exceeded token rate limit' } });
    return;
  }
  yield* closingEvents(plan, style, { event, chunk });
}

interface Wording {
  event: (value: unknown, carriesUsage?: boolean) => StreamEvent;
  chunk: (choices: unknown[], usage?: unknown) => Record<string, unknown>;
}

function* closingEvents(
  plan: ChatPlan,
  style: StreamStyle,
  { event, chunk }: Wording,
): Generator<StreamEvent> {
  const usage = plan.includeUsage && !style.noUsage ? reportUsage(plan) : null;
  for (let index = 0; index < plan.choices; index += 1) {
    const here = style.usageOnFinish && index === plan.choices - 1 ? usage : null;
    yield event(chunk([finishChoice(index, plan.finishReason)], here), here !== null);
  }
  if (usage !== null && !style.usageOnFinish) {
    yield event(chunk([], usage), true);
  }
  if (!style.noDone) {
    yield event('[DONE]');
  }
}

function* contentChoices(plan: ChatPlan, half: boolean): Generator<Record<string, unknown>> {
  for (let index = 0; index < plan.choices; index += 1) {
    yield choice(index, { content: '', role: 'assistant' }, {});
  }
  const step = Math.max(tokensPerChunk, Math.ceil(plan.contentTokens / maxChunks));
  const last = half ? plan.contentTokens >> 1 : plan.contentTokens;
  for (let start = 0; start < last; start += step) {
    for (let index = 0; index < plan.choices; index += 1) {
      yield choice(index, { content: answerText(start, Math.min(step, last - start), index) }, filterResults);
    }
  }
}

function choice(index: number, delta: object, filter: object): Record<string, unknown> {
  return { content_filter_results: filter, delta, finish_reason: null, index, logprobs: null };
}

function finishChoice(index: number, finishReason: string): Record<string, unknown> {
  return { content_filter_results: {}, delta: {}, finish_reason: finishReason, index, logprobs: null };
}
