/** What is asked and answered. One place, so that every proxy carries the same bytes. */

/** Kinds of requests that are measured; also the name of the deployment that answers them. */
export type Shape = 'whole' | 'stream';

/** Chunks of one streamed answer, without the chunk that tells the usage. */
export const chunksPerStream = 100;
/** Time between two chunks of one stream, ms: so that every chunk travels alone, as a model's do. */
export const chunkIntervalMs = 10;

/** Path of a chat request, below every proxy's origin. */
export function chatPath(shape: Shape): string {
  return `/v2/inference/deployments/${shape}/chat/completions`;
}

/** A chat request of about this many bytes, in messages of 4 KB at most, as a conversation has them. */
export function chatRequest({ bytes, stream = false }: { bytes: number; stream?: boolean }): string {
  const messages = [{ role: 'system', content: 'You answer briefly.' }];
  const request = { model: 'gpt-4.1', max_tokens: 400, messages, ...(stream && { stream }) };
  for (let left = bytes - JSON.stringify(request).length; left > 40; left -= 4096) {
    const role = messages.length % 2 === 0 ? 'assistant' : 'user';
    messages.push({ role, content: words(Math.min(left, 4096) - 32) });
  }
  return JSON.stringify(request);
}

/** A whole answer of about 1 KB, as Azure's models give it. */
export function chatAnswer(): string {
  return JSON.stringify({
    id: 'chatcmpl-BqQ8w9W2hXk3m1n0',
    object: 'chat.completion',
    created: 1_795_350_845,
    model: 'gpt-4.1-2025-04-14',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: words(560), refusal: null },
        finish_reason: 'stop',
        logprobs: null,
      },
    ],
    usage: usage(140),
    system_fingerprint: 'fp_07871e2ad8',
  });
}

/** The events of a streamed answer: its chunks, then its usage, then its end. */
export function streamEvents(): string[] {
  const choice = { index: 0, delta: { content: ' word' }, logprobs: null, finish_reason: null };
  const chunks = Array.from({ length: chunksPerStream }, () => chunk({ choices: [choice], usage: null }));
  return [...chunks, chunk({ choices: [], usage: usage(chunksPerStream) }), 'data: [DONE]\n\n'];
}

function chunk(rest: Record<string, unknown>): string {
  const head = {
    id: 'chatcmpl-BqQ8w9W2hXk3m1n0',
    object: 'chat.completion.chunk',
    created: 1_795_350_845,
    model: 'gpt-4.1-2025-04-14',
    system_fingerprint: 'fp_07871e2ad8',
  };
  return `data: ${JSON.stringify({ ...head, ...rest })}\n\n`;
}

function usage(completion: number) {
  return {
    prompt_tokens: 210,
    completion_tokens: completion,
    total_tokens: 210 + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
}

/** Plain text of exactly this many bytes. */
function words(bytes: number): string {
  return 'The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(bytes / 45)).slice(0, bytes);
}
