import { createHash } from 'node:crypto';
import type { ChatPlan } from './chat-plan.ts';
import type { Exchange } from './exchange.ts';
import type { Target } from './inference-target.ts';

/** What an answer's envelope is made of. */
export interface AnswerFrame {
  /** `chatcmpl-…` without the prefix. */
  id: string;
  /** Seconds since 1970. */
  created: number;
  /** The provider's name of the model, which is not the catalogue's. */
  model: string;
}

/** The envelope of an answer to this request by this model. */
export function frameOf(
  { requestId, atMs }: Pick<Exchange, 'requestId' | 'atMs'>,
  { model, version }: Pick<Target, 'model' | 'version'>,
): AnswerFrame {
  return {
    id: requestId.replaceAll('-', ''),
    created: Math.floor(atMs / 1000),
    model: `${model.model}-${version.name}`,
  };
}

/** Token counts as Azure reports them. */
export interface ReportedUsage {
  completion_tokens: number;
  completion_tokens_details: Record<string, number>;
  prompt_tokens: number;
  prompt_tokens_details: Record<string, number>;
  total_tokens: number;
}

/** Words of about a token; some have characters of two, three and four bytes. */
const vocabulary = [
  'the ',
  'budget ',
  'größer ',
  'is ',
  'exact ',
  'and ',
  'naïve ',
  'capacity ',
  'unit ',
  '容量 ',
  'holds ',
  'for ',
  'every ',
  '🚀 ',
  'month ',
  'price ',
];

const safe = { filtered: false, severity: 'safe' };
/** The verdict of a content filter that found nothing. */
export const filterResults = { hate: safe, self_harm: safe, sexual: safe, violence: safe };
/** The same for the prompt. */
export const promptFilterResults = [{ prompt_index: 0, content_filter_results: filterResults }];

/** Text of so many tokens, the same for the same choice: positions count from `start`. */
export function answerText(start: number, tokens: number, choice: number): string {
  const words: string[] = [];
  for (let position = start; position < start + tokens; position += 1) {
    words.push(vocabulary[(position * 7 + choice) % vocabulary.length] ?? '');
  }
  return words.join('');
}

/** The counts of a plan as the answer reports them. */
export function reportUsage({ tokens }: ChatPlan): ReportedUsage {
  return {
    completion_tokens: tokens.output,
    completion_tokens_details: {
      accepted_prediction_tokens: 0,
      audio_tokens: 0,
      reasoning_tokens: tokens.reasoning,
      rejected_prediction_tokens: 0,
    },
    prompt_tokens: tokens.prompt,
    prompt_tokens_details: { audio_tokens: 0, cached_tokens: tokens.cached },
    total_tokens: tokens.prompt + tokens.output,
  };
}

/** A whole answer; without usage where that is to be missing. */
export function jsonAnswer(plan: ChatPlan, frame: AnswerFrame, withUsage: boolean): Record<string, unknown> {
  const choices = Array.from({ length: plan.choices }, (_, index) => ({
    content_filter_results: filterResults,
    finish_reason: plan.finishReason,
    index,
    logprobs: null,
    message: {
      content: answerText(0, plan.contentTokens, index),
      refusal: null,
      role: 'assistant',
      annotations: [],
    },
  }));
  const answer = {
    choices,
    ...envelope(frame, 'chat.completion'),
    prompt_filter_results: promptFilterResults,
  };
  return withUsage ? { ...answer, usage: reportUsage(plan) } : answer;
}

/** The members that every answer and every chunk repeats. */
export function envelope(frame: AnswerFrame, object: string): Record<string, unknown> {
  const fingerprint = createHash('sha256').update(frame.model).digest('hex').slice(0, 10);
  return {
    created: frame.created,
    id: `chatcmpl-${frame.id}`,
    model: frame.model,
    object,
    system_fingerprint: `fp_${fingerprint}`,
  };
}
