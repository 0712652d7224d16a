import {
  type BoundRefusal,
  catchRefusal,
  isUnset,
  refuse,
  Refused,
  requireFields,
  requireList,
  requireRecord,
  requireText,
} from './bound-refusal.ts';
import { boundChatRequest, type OutputLimit } from './chat-bound.ts';
import { boundPlaceholders, readPlaceholders } from './placeholders.ts';

/** A model as a request to orchestration names it. */
export interface NamedModel {
  /** Name in SAP's catalogue. */
  readonly model: string;
  /** A version, or `latest`. */
  readonly version: string;
}

/** What bounds the price of one entry of a request's list of configurations. */
export interface AttemptBound extends NamedModel {
  /** Most input tokens, cached ones included. */
  readonly inputTokens: number;
  readonly choices: number;
  /** The limit the client set; absent when it set none. */
  readonly outputLimit?: OutputLimit;
  readonly certainty: 'proved' | 'assumed';
}

/** What bounds the price of a request to orchestration: every entry of its list may run, one after the other. */
export interface OrchestrationBound {
  readonly kind: 'bound';
  readonly attempts: readonly AttemptBound[];
  readonly stream: boolean;
}

/** Most tokens of a model's input and output together; undefined when nobody states it. */
export type ContextLengthOf = (model: NamedModel) => number | undefined;

/** A bound on the list is a bound on what it can cost: each entry is reserved in full. */
const maxAttempts = 16;

const bodyFields: ReadonlySet<string> = new Set(['config', 'placeholder_values', 'messages_history']);
const configFields: ReadonlySet<string> = new Set(['modules', 'stream']);
const streamFields: ReadonlySet<string> = new Set(['enabled', 'chunk_size', 'delimiters']);
const moduleFields: ReadonlySet<string> = new Set(['prompt_templating']);
const templatingFields: ReadonlySet<string> = new Set(['prompt', 'model']);
const promptFields: ReadonlySet<string> = new Set(['template', 'defaults', 'response_format', 'tools']);
const modelFields: ReadonlySet<string> = new Set(['name', 'version', 'params', 'timeout', 'max_retries']);
const toolFields: ReadonlySet<string> = new Set(['type', 'function']);
const pricedModules: readonly string[] = ['filtering', 'masking', 'grounding', 'translation'];

/** Parameters that go to the chat API as they are and are bounded like it. */
const chatParams: ReadonlySet<string> = new Set([
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'n',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'user',
  'seed',
  'logprobs',
  'top_logprobs',
  'reasoning_effort',
  'verbosity',
  'parallel_tool_calls',
  'tool_choice',
  'stream_options',
  'service_tier',
  'store',
  'modalities',
  'metadata',
]);
/** Parameters of other providers that cost nothing. */
const freeParams: ReadonlySet<string> = new Set(['top_k']);
const params: ReadonlySet<string> = new Set([...chatParams, ...freeParams]);

/** Models whose chat template's constants are published; those of all others are assumed to be no larger. */
const publishedTemplate = /^(?:gpt-|o\d)/;

/**
 * Bounds the tokens of a request to orchestration's `v2/completion` from its decoded body: templates with their
 * placeholders filled, history, tools and schema, for every entry that may run. What is kept elsewhere or priced by
 * a module of its own is refused by name.
 *
 * The bound is for requests that are sent with `max_retries` 0: retries of the service itself cost again.
 */
export function boundOrchestrationRequest(
  body: unknown,
  { contextLengthOf }: { contextLengthOf: ContextLengthOf },
): OrchestrationBound | BoundRefusal {
  return catchRefusal(() => {
    const request = requireRecord(body, 'body');
    refuseReference(request, 'config_ref', 'config_ref');
    requireFields(request, bodyFields, '');
    const config = requireRecord(request['config'], 'config');
    requireFields(config, configFields, 'config');
    const stream = readStream(config['stream']);
    const attempts = moduleEntries(config['modules']).map(({ entry, path }) =>
      boundEntry({ entry, path, request }, contextLengthOf),
    );
    return { kind: 'bound', attempts, stream };
  });
}

interface Entry {
  readonly entry: unknown;
  readonly path: string;
}

function moduleEntries(modules: unknown): Entry[] {
  if (!Array.isArray(modules)) return [{ entry: modules, path: 'config.modules' }];
  if (modules.length === 0 || modules.length > maxAttempts)
    refuse('malformed', 'config.modules', `must have 1 to ${maxAttempts} entries`);
  return modules.map((entry: unknown, index) => ({ entry, path: `config.modules[${index}]` }));
}

function readStream(value: unknown): boolean {
  if (isUnset(value)) return false;
  const stream = requireRecord(value, 'config.stream');
  requireFields(stream, streamFields, 'config.stream');
  const { enabled } = stream;
  if (isUnset(enabled)) return false;
  if (typeof enabled !== 'boolean')
    return refuse('malformed', 'config.stream.enabled', 'must be true or false');
  return enabled;
}

function boundEntry(
  { entry, path, request }: Entry & { request: Record<string, unknown> },
  contextLengthOf: ContextLengthOf,
): AttemptBound {
  const modules = requireRecord(entry, path);
  refusePricedModules(modules, path);
  requireFields(modules, moduleFields, path);
  const templatingPath = `${path}.prompt_templating`;
  const templating = requireRecord(modules['prompt_templating'], templatingPath);
  requireFields(templating, templatingFields, templatingPath);
  const prompt = readPrompt(templating['prompt'], `${templatingPath}.prompt`);
  const model = readModel(templating['model'], `${templatingPath}.model`);
  const named = { model: model.name, version: model.version };
  const history = isUnset(request['messages_history'])
    ? []
    : requireList(request['messages_history'], 'messages_history');
  const contextLength = contextLengthOf(named);
  const chat = boundChatRequest(
    { ...model.chat, ...prompt.chat, messages: [...history, ...prompt.template] },
    { contextLength },
  );
  if (chat.kind === 'refused')
    throw new Refused(relocate(chat, { path: templatingPath, history: history.length }));
  const placed = boundPlaceholders(
    { messages: [history, prompt.template], schemas: [prompt.chat] },
    readPlaceholders(request['placeholder_values'], prompt.defaults, `${templatingPath}.prompt.defaults`),
  );
  const { inputTokens, choices, outputLimit, certainty } = chat;
  return {
    ...named,
    inputTokens: Math.min(inputTokens + placed, contextLength ?? Number.POSITIVE_INFINITY),
    choices,
    ...(outputLimit === undefined ? {} : { outputLimit }),
    certainty: publishedTemplate.test(named.model) ? certainty : 'assumed',
  };
}

interface Prompt {
  readonly template: readonly unknown[];
  readonly defaults: unknown;
  /** Fields of the chat API that the prompt carries. */
  readonly chat: Record<string, unknown>;
}

function readPrompt(value: unknown, path: string): Prompt {
  const prompt = requireRecord(value, path);
  refuseReference(prompt, 'template_ref', `${path}.template_ref`);
  requireFields(prompt, promptFields, path);
  const { template, defaults, tools, response_format: format } = prompt;
  if (!isUnset(tools))
    requireList(tools, `${path}.tools`).forEach((tool, index) => {
      // Among others `cache_control`: a cache write has a price of its own.
      requireFields(requireRecord(tool, `${path}.tools[${index}]`), toolFields, `${path}.tools[${index}]`);
    });
  return {
    template: requireList(template, `${path}.template`),
    defaults,
    chat: {
      ...(isUnset(tools) ? {} : { tools }),
      ...(isUnset(format) ? {} : { response_format: format }),
    },
  };
}

interface Model {
  readonly name: string;
  readonly version: string;
  /** Parameters that the chat API has. */
  readonly chat: Record<string, unknown>;
}

function readModel(value: unknown, path: string): Model {
  const model = requireRecord(value, path);
  requireFields(model, modelFields, path);
  const given = isUnset(model['params']) ? {} : requireRecord(model['params'], `${path}.params`);
  requireFields(given, params, `${path}.params`);
  return {
    name: requireText(model['name'], `${path}.name`),
    version: isUnset(model['version']) ? 'latest' : requireText(model['version'], `${path}.version`),
    chat: Object.fromEntries(Object.entries(given).filter(([field]) => chatParams.has(field))),
  };
}

function refusePricedModules(modules: Record<string, unknown>, path: string): void {
  const used = pricedModules.find((module) => !isUnset(modules[module]));
  if (used === undefined) return;
  refuse(
    'module_unpriced',
    `${path}.${used}`,
    'is a module whose price is not known here: send the request without it',
  );
}

function refuseReference(record: Record<string, unknown>, member: string, path: string): void {
  if (isUnset(record[member])) return;
  refuse(
    'reference_not_allowed',
    path,
    'refers to text that is kept at SAP, of a length nobody knows here: send the configuration and its template',
  );
}

/** Says where in this request a field of the chat API was. */
function relocate(refusal: BoundRefusal, { path, history }: { path: string; history: number }): BoundRefusal {
  const { field, message } = refusal;
  const place = (): string => {
    const index = /^messages\[(\d+)\]/.exec(field);
    if (index !== null) {
      const at = Number(index[1]);
      const list = at < history ? `messages_history[${at}]` : `${path}.prompt.template[${at - history}]`;
      return `${list}${field.slice(index[0].length)}`;
    }
    if (field === 'messages') return `${path}.prompt.template`;
    return /^(?:tools|response_format)/.test(field)
      ? `${path}.prompt.${field}`
      : `${path}.model.params.${field}`;
  };
  const located = place();
  return { ...refusal, field: located, message: `${located}${message.slice(field.length)}` };
}
