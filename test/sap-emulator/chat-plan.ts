import { createHash } from 'node:crypto';
import type { Controls } from './controls.ts';
import type { ChatRefusal, ChatRequest } from './chat-request.ts';
import { outputLimit } from './chat-request.ts';
import type { Model, ModelVersion } from './config.ts';
import type { Faults } from './faults.ts';
import { promptBound, promptTokens } from './prompt-tokens.ts';

/** The tokens of one request as they are reported and billed; cached is part of prompt, reasoning of output. */
export interface Tokens {
  prompt: number;
  cached: number;
  output: number;
  reasoning: number;
}

/** Everything about an answer that is decided before its first byte. */
export interface ChatPlan {
  tokens: Tokens;
  choices: number;
  /** Tokens of text in each choice. */
  contentTokens: number;
  /** What each choice would have without any limit from the client. */
  naturalTokens: number;
  /** The client's limit for each choice. */
  limit: number | null;
  finishReason: 'stop' | 'length';
  /** The client's limit, and not the model's own, ended the answer. */
  cutShort: boolean;
  /** What all choices together could have had at most. */
  maximumOutput: number;
  stream: boolean;
  /** The client asked for usage in its stream. */
  includeUsage: boolean;
}

/** Tokens a model thinks where nobody says otherwise. */
const standardReasoning = 64;
/** More than any bound derived from the request's bytes can allow for: all constants of such bounds are smaller. */
const standardHiddenBase = 65_536;
const standardExcess = 100;

/** What a plan is made from. */
export interface PlanInput {
  request: ChatRequest;
  controls: Controls;
  faults: Faults;
  model: Model;
  version: ModelVersion;
}

/** The prompt's tokens as the model counts them, or why the control text cannot be followed. */
export function countPrompt(request: ChatRequest, controls: Controls): number | ChatRefusal {
  if (controls.promptTokens === undefined) {
    return promptTokens(request);
  }
  const most = promptBound(request);
  if (controls.promptTokens > most) {
    const message = `[[in=${controls.promptTokens}]] is more than the ${most} tokens this request can have; make it longer or use hidden-tokens`;
    return { message, param: 'messages', code: null };
  }
  return controls.promptTokens;
}

/** Decides the answer's length, end and bill. `prompt` is what `countPrompt` gave. */
export function planChat(input: PlanInput, prompt: number): ChatPlan {
  const { request, controls, faults } = input;
  const choices = request.n ?? 1;
  const limit = outputLimit(request)?.tokens ?? null;
  const length = decideLength(input, { prompt, limit });
  const { output, reasoning } = length;
  const hidden = hiddenTokens(request, faults);
  return {
    tokens: {
      prompt: prompt + hidden,
      cached: Math.min(controls.cachedTokens ?? 0, prompt),
      output: output * choices,
      reasoning: reasoning * choices,
    },
    choices,
    contentTokens: output - reasoning,
    naturalTokens: length.natural,
    limit,
    finishReason: output < length.wanted ? 'length' : 'stop',
    cutShort: limit !== null && output < length.natural,
    maximumOutput: length.allowed * choices,
    stream: request.stream === true,
    includeUsage: request.stream_options?.include_usage === true,
  };
}

/** Lengths of one choice in tokens. */
interface Length {
  /** What the request, or nature, asks for. */
  wanted: number;
  /** The same within what the model can do. */
  natural: number;
  /** The most that client and model allow. */
  allowed: number;
  output: number;
  reasoning: number;
}

function decideLength(
  { request, controls, faults, model, version }: PlanInput,
  { prompt, limit }: { prompt: number; limit: number | null },
): Length {
  const possible = Math.min(version.maxOutputTokens, version.contextLength - prompt);
  const allowed = Math.min(limit ?? possible, possible);
  const wanted = controls.outputTokens ?? standardLength(request, model);
  const natural = Math.min(wanted, possible);
  const ignored = limit === null ? undefined : faults.get('ignored-limit');
  const output =
    ignored === undefined
      ? Math.min(natural, allowed)
      : Math.max(natural, allowed + (ignored.tokens ?? standardExcess));
  const thought = controls.reasoningTokens ?? (model.kind === 'reasoning' ? standardReasoning : 0);
  return { wanted, natural, allowed, output, reasoning: Math.min(thought, output) };
}

function hiddenTokens(request: ChatRequest, faults: Faults): number {
  const hidden = faults.get('hidden-tokens');
  return hidden === undefined ? 0 : (hidden.tokens ?? standardHiddenBase + 2 * promptBound(request));
}

/** A length between 16 and 215 tokens that depends on nothing but the model and the messages. */
function standardLength(request: ChatRequest, model: Model): number {
  const digest = createHash('sha256').update(model.model).update(JSON.stringify(request.messages)).digest();
  return 16 + (digest.readUInt32BE(0) % 200) + (model.kind === 'reasoning' ? standardReasoning : 0);
}
