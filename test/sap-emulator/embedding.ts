import { createHash } from 'node:crypto';
import type { ModelVersion } from './config.ts';
import type { Controls } from './controls.ts';
import { textTokens } from './prompt-tokens.ts';

/** Text, or tokens a client made of it already. */
export type EmbeddingInput = string | readonly number[];

/** How the vectors are asked for. */
export interface EmbeddingRequest {
  model: string;
  params: Record<string, unknown>;
  /** Absent: the answer has no usage. */
  promptTokens: number | undefined;
}

/** Short, so that answers are: the length of a vector is nothing anybody pays for. */
const standardDimensions = 16;
const maxDimensions = 3072;

/** The prompt's tokens, or why the request cannot be served. */
export function embeddingPrompt(
  inputs: readonly EmbeddingInput[],
  controls: Controls,
  { contextLength }: ModelVersion,
): number | string {
  const counts = inputs.map((input) => (typeof input === 'string' ? textTokens(input) : input.length));
  if (counts.some((count) => count > contextLength)) {
    return `This model's maximum context length is ${contextLength} tokens for each input.`;
  }
  const most = inputs.reduce((sum, input) => sum + Buffer.byteLength(String(input)), 0);
  const asked = controls.promptTokens;
  if (asked !== undefined && asked > most) {
    return `[[in=${asked}]] is more than the ${most} tokens this request can have; make it longer`;
  }
  return asked ?? counts.reduce((sum, count) => sum + count, 0);
}

/** The list of vectors; the same for the same text. */
export function embeddingList(
  inputs: readonly EmbeddingInput[],
  { model, params, promptTokens }: EmbeddingRequest,
): Record<string, unknown> {
  const wanted = params['dimensions'];
  const dimensions = typeof wanted === 'number' ? Math.min(wanted, maxDimensions) : standardDimensions;
  const base64 = params['encoding_format'] === 'base64';
  return {
    object: 'list',
    data: inputs.map((input, index) => {
      const vector = vectorOf(String(input), dimensions);
      return { object: 'embedding', embedding: base64 ? encode(vector) : [...vector], index };
    }),
    model,
    ...(promptTokens === undefined
      ? {}
      : { usage: { prompt_tokens: promptTokens, total_tokens: promptTokens } }),
  };
}

function vectorOf(text: string, dimensions: number): Float32Array {
  const digest = createHash('sha256').update(text).digest();
  return Float32Array.from(
    { length: dimensions },
    (_, index) => ((digest[index % digest.length] ?? 0) - 128) / 1024,
  );
}

/** Little-endian float32, as OpenAI's clients expect it. */
function encode(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes.toString('base64');
}
