import { answerText, envelope, reportUsage } from './chat-answer.ts';
import type { AnswerFrame, ReportedUsage } from './chat-answer.ts';
import type { ChatPlan } from './chat-plan.ts';
import type { StreamEvent } from './chat-stream.ts';
import type { AttemptFailure } from './orchestration-failure.ts';

/** What an answer of the orchestration service consists of. */
export interface OrchestrationFrame {
  requestId: string;
  /** The template with its placeholders filled. */
  templated: readonly unknown[];
  frame: AnswerFrame;
  /** Attempts that failed before this one; empty where there was no list of them. */
  failures: readonly AttemptFailure[];
}

/** How an answer is worded. */
export interface OrchestrationStyle {
  withUsage: boolean;
  /** The output filter has removed the text. */
  filtered: boolean;
}

/** A whole answer. */
export function orchestrationAnswer(
  plan: ChatPlan,
  { requestId, templated, frame, failures }: OrchestrationFrame,
  { withUsage, filtered }: OrchestrationStyle,
): Record<string, unknown> {
  const usage = withUsage ? { usage: shortUsage(plan) } : {};
  const choices = (hidden: boolean): unknown[] =>
    Array.from({ length: plan.choices }, (_, index) => ({
      index,
      message: { role: 'assistant', content: hidden ? '' : answerText(0, plan.contentTokens, index) },
      finish_reason: hidden ? 'content_filter' : plan.finishReason,
    }));
  const base = envelope(frame, 'chat.completion');
  return {
    request_id: requestId,
    intermediate_results: {
      templating: templated,
      llm: { ...base, choices: choices(false), ...usage },
      ...(filtered ? { output_filtering: verdict } : {}),
    },
    final_result: { ...base, choices: choices(filtered), ...usage },
    ...(failures.length === 0 ? {} : { intermediate_failures: failures }),
  };
}

const verdict = {
  message: 'LLM response filtered due to safety violations.',
  data: { choices: [{ index: 0, azure_content_safety: { Hate: 0, SelfHarm: 0, Sexual: 0, Violence: 4 } }] },
};

/** How a stream is worded and how it ends. */
export interface OrchestrationStreamStyle extends OrchestrationStyle {
  /** Tokens of text in one event, after the client's `chunk_size`. */
  tokensPerChunk: number;
  noDone: boolean;
  /** An error takes the place of the second half of the answer. */
  error: AttemptFailure | undefined;
}

/** The first event of every stream: what was done before the model was called. */
export function firstEvent({
  requestId,
  templated,
  failures,
}: Omit<OrchestrationFrame, 'frame'>): StreamEvent {
  return event({
    request_id: requestId,
    intermediate_results: { templating: templated },
    final_result: {
      id: '',
      object: '',
      created: 0,
      model: '',
      system_fingerprint: '',
      choices: [{ index: 0, delta: { content: '' } }],
    },
    ...(failures.length === 0 ? {} : { intermediate_failures: failures }),
  });
}

/** The event that ends a stream in which something failed. */
export function errorEvent(failure: AttemptFailure): StreamEvent {
  return event({ error: failure });
}

/** The events of a whole stream. A filtered one reports usage 0 for text that was made and billed, as SAP's does. */
export function* orchestrationEvents(
  plan: ChatPlan,
  frame: OrchestrationFrame,
  style: OrchestrationStreamStyle,
): Generator<StreamEvent> {
  yield firstEvent(frame);
  const usage = reportedInStream(plan, style);
  if (style.filtered) {
    yield filteredEvent(plan, frame, usage);
    return;
  }
  const base = envelope(frame.frame, 'chat.completion.chunk');
  const chunk = (choices: unknown[], counts?: ReportedUsage): StreamEvent => {
    const result = { ...base, choices, ...(counts === undefined ? {} : { usage: counts }) };
    const body = { request_id: frame.requestId, intermediate_results: { llm: result }, final_result: result };
    return event(body, counts !== undefined);
  };
  for (const text of chunkTexts(plan, style)) {
    yield chunk(everyChoice(plan, text, ''));
  }
  if (style.error !== undefined) {
    yield errorEvent(style.error);
    return;
  }
  yield chunk(
    everyChoice(plan, () => '', plan.finishReason),
    usage,
  );
  if (!style.noDone) {
    yield { text: 'data: [DONE]\n\n', carriesUsage: false };
  }
}

function filteredEvent(
  plan: ChatPlan,
  { requestId, frame }: OrchestrationFrame,
  usage: ReportedUsage | undefined,
): StreamEvent {
  const base = envelope(frame, 'chat.completion.chunk');
  const nothing =
    usage === undefined ? {} : { usage: { completion_tokens: 0, prompt_tokens: 0, total_tokens: 0 } };
  const text = (index: number): string => answerText(0, plan.contentTokens, index);
  return event({
    request_id: requestId,
    intermediate_results: {
      output_filtering: verdict,
      llm: { ...base, choices: everyChoice(plan, text, 'stop'), ...nothing },
    },
    final_result: { ...base, choices: everyChoice(plan, () => '', 'content_filter'), ...nothing },
  });
}

function* chunkTexts(
  { contentTokens }: ChatPlan,
  { tokensPerChunk, error }: OrchestrationStreamStyle,
): Generator<(index: number) => string> {
  const last = error === undefined ? contentTokens : contentTokens >> 1;
  for (let start = 0; start < last; start += tokensPerChunk) {
    const tokens = Math.min(tokensPerChunk, last - start);
    yield (index) => answerText(start, tokens, index);
  }
}

function everyChoice(
  { choices }: ChatPlan,
  text: (index: number) => string,
  finishReason: string,
): unknown[] {
  return Array.from({ length: choices }, (_, index) => ({
    index,
    delta: { role: 'assistant', content: text(index) },
    finish_reason: finishReason,
  }));
}

function reportedInStream(plan: ChatPlan, { withUsage }: OrchestrationStyle): ReportedUsage | undefined {
  return plan.includeUsage && withUsage ? shortUsage(plan) : undefined;
}

function shortUsage(plan: ChatPlan): ReportedUsage {
  const usage = reportUsage(plan);
  return {
    ...usage,
    completion_tokens_details: { reasoning_tokens: plan.tokens.reasoning },
    prompt_tokens_details: { cached_tokens: plan.tokens.cached },
  };
}

function event(value: unknown, carriesUsage = false): StreamEvent {
  return { text: `data: ${JSON.stringify(value)}\n\n`, carriesUsage };
}
