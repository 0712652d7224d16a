import { z } from 'zod';
import type { Model, ModelVersion } from './config.ts';

const contentPart = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text'), text: z.string() }),
  z.looseObject({ type: z.literal('refusal'), refusal: z.string() }),
  z.looseObject({
    type: z.literal('image_url'),
    image_url: z.looseObject({ url: z.string(), detail: z.enum(['low', 'high', 'auto']).optional() }),
  }),
]);
export type ContentPart = z.infer<typeof contentPart>;

/** One message of a conversation. */
export const chatMessage = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(contentPart).max(2048)]).nullish(),
  name: z.string().max(64).optional(),
  tool_calls: z
    .array(z.looseObject({ id: z.string(), type: z.string() }))
    .max(128)
    .optional(),
});

const limit = z.int().min(1);
const anything = z.unknown().optional();

/** Members that Azure knows; any other is refused by name, as Azure does. */
const chatRequest = z.strictObject({
  messages: z.array(chatMessage).min(1).max(2048),
  model: z.string().optional(),
  n: z.int().min(1).max(128).nullish(),
  max_tokens: limit.nullish(),
  max_completion_tokens: limit.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  tools: z
    .array(z.looseObject({ type: z.string() }))
    .max(128)
    .optional(),
  functions: z
    .array(z.looseObject({ name: z.string() }))
    .max(128)
    .optional(),
  response_format: z.looseObject({ type: z.enum(['text', 'json_object', 'json_schema']) }).optional(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  stop: anything,
  logit_bias: anything,
  user: anything,
  seed: anything,
  tool_choice: anything,
  parallel_tool_calls: anything,
  function_call: anything,
  logprobs: anything,
  top_logprobs: anything,
  reasoning_effort: anything,
  verbosity: anything,
  metadata: anything,
  modalities: anything,
  service_tier: anything,
  store: anything,
  prediction: anything,
  prompt_cache_key: anything,
  safety_identifier: anything,
});
export type ChatRequest = z.infer<typeof chatRequest>;

/** A refusal in Azure's shape, before any token was spent. */
export interface ChatRefusal {
  message: string;
  param: string | null;
  code: string | null;
}

type Checked = { request: ChatRequest } | { refusal: ChatRefusal };

/** Checks a body as the provider does; what is refused here is never billed. */
export function checkChatRequest(body: Buffer, model: Model): Checked {
  const parsed = parseJson(body);
  if (parsed === undefined) {
    return refuse('We could not parse the JSON body of your request.', null);
  }
  return checkChatValue(parsed.value, model);
}

/** The same for a body that was decoded already. */
export function checkChatValue(value: unknown, model: Model): Checked {
  const result = chatRequest.safeParse(value);
  if (!result.success) {
    return { refusal: describeIssue(result.error.issues[0]) };
  }
  const request = result.data;
  if (model.kind === 'embedding') {
    return refuse(
      'The chatCompletion operation does not work with the specified model.',
      null,
      'OperationNotSupported',
    );
  }
  return checkLimits(request, model) ?? { request };
}

/** Refuses a request that asks for more than the model can do, or is undefined. */
export function checkSize(
  request: ChatRequest,
  version: ModelVersion,
  prompt: number,
): ChatRefusal | undefined {
  const asked = outputLimit(request);
  if (asked !== null && asked.tokens > version.maxOutputTokens) {
    const message = `${asked.field} is too large: ${asked.tokens}. This model supports at most ${version.maxOutputTokens} completion tokens.`;
    return { message, param: asked.field, code: 'invalid_value' };
  }
  if (prompt + (asked?.tokens ?? 1) > version.contextLength) {
    const message = `This model's maximum context length is ${version.contextLength} tokens, your messages and completion ask for ${prompt + (asked?.tokens ?? 1)}.`;
    return { message, param: 'messages', code: 'context_length_exceeded' };
  }
  return undefined;
}

/** The limit a client set for each choice, and the field it used. */
export function outputLimit(
  request: ChatRequest,
): { field: 'max_tokens' | 'max_completion_tokens'; tokens: number } | null {
  if (typeof request.max_completion_tokens === 'number') {
    return { field: 'max_completion_tokens', tokens: request.max_completion_tokens };
  }
  return typeof request.max_tokens === 'number' ? { field: 'max_tokens', tokens: request.max_tokens } : null;
}

/** All text of the messages, for what is written into it. */
export function messageText(request: ChatRequest): string {
  return request.messages
    .map(({ content }) => (typeof content === 'string' ? content : partsText(content ?? [])))
    .join('\n');
}

function partsText(parts: readonly ContentPart[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

function checkLimits(request: ChatRequest, model: Model): Checked | undefined {
  const { max_tokens: old, max_completion_tokens: current } = request;
  if (typeof old === 'number' && typeof current === 'number') {
    return refuse('Setting both max_tokens and max_completion_tokens is not supported.', 'max_tokens');
  }
  if (model.kind === 'reasoning' && model.executableId === 'azure-openai' && typeof old === 'number') {
    const message = `Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.`;
    return refuse(message, 'max_tokens', 'unsupported_parameter');
  }
  if (request.stream !== true && request.stream_options !== undefined && request.stream_options !== null) {
    return refuse(
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
    );
  }
  return undefined;
}

function refuse(message: string, param: string | null, code: string | null = null): Checked {
  return { refusal: { message, param, code } };
}

function describeIssue(issue: z.core.$ZodIssue | undefined): ChatRefusal {
  if (issue?.code === 'unrecognized_keys') {
    const names = issue.keys.join(', ');
    return { message: `Unrecognized request argument supplied: ${names}`, param: null, code: null };
  }
  const param = issue?.path.join('.') ?? '';
  return {
    message: `Invalid value for '${param}': ${issue?.message ?? 'unknown'}`,
    param: param === '' ? null : param,
    code: null,
  };
}

/** A body as JSON; undefined when it is none. */
export function parseJson(body: Buffer): { value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return { value };
  } catch {
    return undefined;
  }
}
