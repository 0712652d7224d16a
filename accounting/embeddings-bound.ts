import {
  type BoundRefusal,
  catchRefusal,
  isUnset,
  refuse,
  requireFields,
  requireRecord,
  requireText,
} from './bound-refusal.ts';
import type { NamedModel } from './orchestration-bound.ts';
import { boundTextTokens } from './token-bound.ts';

/** What bounds the price of a request for embeddings. It has no output. */
export interface EmbeddingsBound {
  readonly kind: 'bound';
  /** Most input tokens of all texts together: the context length is for each of them. */
  readonly inputTokens: number;
  readonly certainty: 'proved' | 'assumed';
}

/** Start and end of a text, and a prefix that says what it is for. Not published for every model. */
const tokensPerInput = 16;
const maxInputs = 4096;

const azureFields: ReadonlySet<string> = new Set(['input', 'model', 'dimensions', 'encoding_format', 'user']);
const bodyFields: ReadonlySet<string> = new Set(['config', 'input']);
const configFields: ReadonlySet<string> = new Set(['modules']);
const modulesFields: ReadonlySet<string> = new Set(['embeddings']);
const embeddingsFields: ReadonlySet<string> = new Set(['model']);
const modelFields: ReadonlySet<string> = new Set(['name', 'version', 'params', 'timeout', 'max_retries']);
const paramsFields: ReadonlySet<string> = new Set(['dimensions', 'encoding_format', 'normalize']);
const inputFields: ReadonlySet<string> = new Set(['text', 'type']);

/** Bounds the tokens of a request for embeddings of the azure-openai family from its decoded body. */
export function boundEmbeddingsRequest(
  body: unknown,
  { contextLength }: { contextLength?: number | undefined } = {},
): EmbeddingsBound | BoundRefusal {
  return catchRefusal(() => {
    const request = requireRecord(body, 'body');
    requireFields(request, azureFields, '');
    return boundInputs(request['input'], 'input', contextLength);
  });
}

/** Bounds the tokens of a request to orchestration's `v2/embeddings`; as with completions, for `max_retries` 0. */
export function boundOrchestrationEmbeddings(
  body: unknown,
  { contextLengthOf }: { contextLengthOf: (model: NamedModel) => number | undefined },
): (EmbeddingsBound & NamedModel) | BoundRefusal {
  return catchRefusal(() => {
    const request = requireRecord(body, 'body');
    requireFields(request, bodyFields, '');
    const named = readModel(request['config']);
    const input = requireRecord(request['input'], 'input');
    requireFields(input, inputFields, 'input');
    return { ...boundInputs(input['text'], 'input.text', contextLengthOf(named)), ...named };
  });
}

function readModel(value: unknown): NamedModel {
  const config = requireRecord(value, 'config');
  requireFields(config, configFields, 'config');
  const modules = requireRecord(config['modules'], 'config.modules');
  if (!isUnset(modules['masking']))
    refuse(
      'module_unpriced',
      'config.modules.masking',
      'is a module whose price is not known here: send the request without it',
    );
  requireFields(modules, modulesFields, 'config.modules');
  const embeddings = requireRecord(modules['embeddings'], 'config.modules.embeddings');
  requireFields(embeddings, embeddingsFields, 'config.modules.embeddings');
  const path = 'config.modules.embeddings.model';
  const model = requireRecord(embeddings['model'], path);
  requireFields(model, modelFields, path);
  if (!isUnset(model['params']))
    requireFields(requireRecord(model['params'], `${path}.params`), paramsFields, `${path}.params`);
  return {
    model: requireText(model['name'], `${path}.name`),
    version: isUnset(model['version']) ? 'latest' : requireText(model['version'], `${path}.version`),
  };
}

function boundInputs(value: unknown, path: string, contextLength: number | undefined): EmbeddingsBound {
  const inputs = inputList(value, path);
  if (inputs.length === 0 || inputs.length > maxInputs)
    refuse('malformed', path, `must be text or a list of 1 to ${maxInputs} of them`);
  const most = contextLength ?? Number.POSITIVE_INFINITY;
  const inputTokens = inputs
    .map((input, index) => Math.min(most, tokensPerInput + inputTokensOf(input, `${path}[${index}]`)))
    .reduce((sum, tokens) => sum + tokens, 0);
  return { kind: 'bound', inputTokens, certainty: 'assumed' };
}

/** A list of numbers is one text that the client has cut into tokens itself. */
function inputList(value: unknown, path: string): readonly unknown[] {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return refuse('malformed', path, 'must be text or a list');
  return value.some((entry) => typeof entry === 'number') ? [value] : value;
}

function inputTokensOf(input: unknown, path: string): number {
  if (typeof input === 'string') return boundTextTokens(input);
  if (!Array.isArray(input) || !input.every((token) => Number.isSafeInteger(token)))
    return refuse('malformed', path, 'must be text or a list of tokens');
  return input.length;
}
