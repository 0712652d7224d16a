import {
  type BoundRefusal,
  catchRefusal,
  isUnset,
  refuse,
  requireList,
  requireRecord,
} from './bound-refusal.ts';
import { boundMessages } from './chat-messages.ts';
import { boundJsonTokens } from './token-bound.ts';

/** The fields that carry a limit of output tokens. */
export type OutputLimitField = 'max_tokens' | 'max_completion_tokens';

/** What bounds the price of a chat request. */
export interface ChatBound {
  readonly kind: 'bound';
  /** Most input tokens, cached ones included. */
  readonly inputTokens: number;
  /** How many answers the request asks for. */
  readonly choices: number;
  /** The limit the client set; absent when it set none. */
  readonly outputLimit?: OutputLimit;
  /** `assumed` when a constant below stands for a prompt that nobody publishes. */
  readonly certainty: 'proved' | 'assumed';
}

/** A limit of output tokens that a client set, and where. */
export interface OutputLimit {
  readonly field: OutputLimitField;
  readonly tokens: number;
}

/**
 * Most tokens a chat template puts around the whole request. Published for this family: 3 to prime the answer;
 * settings such as the reasoning effort add a few.
 */
const requestTokens = 32;
/**
 * Most tokens of the prompt that explains tools or an answer's schema to a model. Not published. Seen: over 530
 * for a request of 157 bytes with one tool, of which this leaves room for the rest.
 */
const toolPromptTokens = 512;
/** Tools and schemas are spelt anew for the model (indented, as TypeScript): twice their compact JSON. */
const schemaTokensPerByte = 2;
const tokensPerTool = 64;
const maxChoices = 128;

/** What the walk through a body has found so far. */
interface Walk {
  tokens: number;
  choices: number;
  limit: OutputLimit | undefined;
  imageField: string | undefined;
  assumed: boolean;
}

type FieldReader = (value: unknown, walk: Walk, field: string) => void;

const ignore: FieldReader = () => {};

/** Every field a request may have. All others are refused by name: what is not known might cost. */
const fieldReaders: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  ['messages', readMessages],
  ['model', ignore],
  ['max_tokens', readMaxTokens],
  ['max_completion_tokens', readMaxCompletionTokens],
  ['temperature', ignore],
  ['top_p', ignore],
  ['n', readChoices],
  ['stream', readStream],
  ['stream_options', readStreamOptions],
  ['stop', ignore],
  ['presence_penalty', ignore],
  ['frequency_penalty', ignore],
  ['logit_bias', ignore],
  ['user', ignore],
  ['seed', ignore],
  ['response_format', readResponseFormat],
  ['tools', readTools],
  ['tool_choice', readToolChoice],
  ['parallel_tool_calls', ignore],
  ['functions', readFunctions],
  ['function_call', readToolChoice],
  ['logprobs', ignore],
  ['top_logprobs', ignore],
  ['reasoning_effort', ignore],
  ['verbosity', ignore],
  ['metadata', ignore],
  ['modalities', readModalities],
  ['service_tier', allowOnly('auto', 'default')],
  ['store', allowOnly(false)],
]);

/**
 * Bounds the tokens of a chat request of the azure-openai family from its decoded body.
 *
 * The body that is sent must be written from this decoded one, unless no name appears twice in its text: such a name has
 * one value here and may have the other for whoever reads the text.
 *
 * @param contextLength most tokens of the model's input and output together; no bound needs to be higher.
 * Absent when unknown.
 */
export function boundChatRequest(
  body: unknown,
  { contextLength }: { contextLength?: number | undefined } = {},
): ChatBound | BoundRefusal {
  return catchRefusal(() => bound(body, contextLength));
}

function bound(body: unknown, contextLength: number | undefined): ChatBound {
  const walk: Walk = {
    tokens: requestTokens,
    choices: 1,
    limit: undefined,
    imageField: undefined,
    assumed: false,
  };
  const request = requireRecord(body, 'body');
  if (isUnset(request.messages)) refuse('malformed', 'messages', 'must be a list of messages');
  for (const [field, value] of Object.entries(request)) {
    const read = fieldReaders.get(field);
    if (read === undefined) {
      refuse('field_not_allowed', field, 'is not known to leave the price as it is: leave it out');
    } else if (!isUnset(value)) read(value, walk, field);
  }
  return {
    kind: 'bound',
    ...inputBound(walk, contextLength),
    choices: walk.choices,
    ...(walk.limit === undefined ? {} : { outputLimit: walk.limit }),
  };
}

/** The context length is the most that any input can be, and what an image counts as. */
function inputBound(
  walk: Walk,
  contextLength: number | undefined,
): Pick<ChatBound, 'inputTokens' | 'certainty'> {
  if (contextLength === undefined) {
    if (walk.imageField !== undefined) {
      refuse(
        'context_length_unknown',
        walk.imageField,
        'is an image, and the model states no context length',
      );
    }
    return { inputTokens: walk.tokens, certainty: walk.assumed ? 'assumed' : 'proved' };
  }
  if (walk.imageField !== undefined || walk.tokens >= contextLength) {
    return { inputTokens: contextLength, certainty: 'proved' };
  }
  return { inputTokens: walk.tokens, certainty: walk.assumed ? 'assumed' : 'proved' };
}

function readMessages(value: unknown, walk: Walk): void {
  const { tokens, imageField, assumed } = boundMessages(value);
  walk.tokens += tokens;
  walk.imageField = imageField;
  walk.assumed ||= assumed;
}

function readMaxTokens(value: unknown, walk: Walk): void {
  readLimit('max_tokens', value, walk);
}

function readMaxCompletionTokens(value: unknown, walk: Walk): void {
  readLimit('max_completion_tokens', value, walk);
}

function readLimit(field: OutputLimitField, value: unknown, walk: Walk): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    return refuse('malformed', field, 'must be a whole number of at least 1');
  }
  if (walk.limit !== undefined) {
    refuse('malformed', field, `must not be set beside ${walk.limit.field}: which one holds is not defined`);
  }
  walk.limit = { field, tokens: value };
}

function readChoices(value: unknown, walk: Walk, field: string): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > maxChoices) {
    return refuse('malformed', field, `must be a whole number from 1 to ${maxChoices}`);
  }
  walk.choices = value;
}

function readStream(value: unknown, _walk: Walk, field: string): void {
  if (typeof value !== 'boolean') refuse('malformed', field, 'must be true or false');
}

function readStreamOptions(value: unknown, _walk: Walk, field: string): void {
  requireRecord(value, field);
}

function readTools(value: unknown, walk: Walk, field: string): void {
  requireList(value, field).forEach((entry, index) => {
    if (requireRecord(entry, `${field}[${index}]`).type === 'function') return;
    refuse(
      'value_not_allowed',
      `${field}[${index}].type`,
      'must be function: other tools have prices of their own',
    );
  });
  readFunctions(value, walk, field);
}

function readFunctions(value: unknown, walk: Walk, field: string): void {
  const { length } = requireList(value, field);
  if (length === 0) return;
  addSchema(value, walk, field);
  walk.tokens += toolPromptTokens + length * tokensPerTool;
}

function readToolChoice(value: unknown, walk: Walk, field: string): void {
  if (typeof value !== 'string') {
    const { type } = requireRecord(value, field);
    if (!isUnset(type) && type !== 'function' && type !== 'allowed_tools') {
      refuse('value_not_allowed', `${field}.type`, 'must be function or allowed_tools');
    }
  }
  addSchema(value, walk, field);
}

function readResponseFormat(value: unknown, walk: Walk, field: string): void {
  const { type } = requireRecord(value, field);
  if (type === 'text') return;
  if (type !== 'json_object' && type !== 'json_schema') {
    refuse('value_not_allowed', `${field}.type`, 'must be text, json_object or json_schema');
  }
  addSchema(value, walk, field);
  walk.tokens += toolPromptTokens;
}

function addSchema(value: unknown, walk: Walk, field: string): void {
  walk.tokens += boundJsonTokens(value, field) * schemaTokensPerByte;
  walk.assumed = true;
}

function readModalities(value: unknown, _walk: Walk, field: string): void {
  if (requireList(value, field).every((entry) => entry === 'text')) return;
  refuse('value_not_allowed', field, 'must be ["text"]: other output has no bound');
}

function allowOnly(...allowed: readonly unknown[]): FieldReader {
  const values = allowed.map((value) => JSON.stringify(value)).join(' or ');
  return (value, _walk, field) => {
    if (!allowed.includes(value))
      refuse('value_not_allowed', field, `must be ${values}: other values change the price`);
  };
}

/**
 * The field that limits output for a model: models that reason take only `max_completion_tokens`.
 *
 * @param model name in SAP's catalogue
 */
export function limitField(model: string): OutputLimitField {
  return /^(?:gpt-5|o\d)/.test(model) ? 'max_completion_tokens' : 'max_tokens';
}
