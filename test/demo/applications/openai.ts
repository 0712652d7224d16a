/** An application that was written for OpenAI: nothing but its environment has changed. */
import OpenAI, { APIError } from 'openai';
import type { Call } from '../../world/application.ts';
import { type Caller, spendAndStay } from './spender.ts';

const { OPENAI_BASE_URL = '', OPENAI_API_KEY = '' } = process.env;
const client = new OpenAI();

type Answered = Awaited<ReturnType<Caller>>;

const call: Caller = async (wanted) => {
  try {
    return await (wanted.kind === 'json' ? complete(wanted) : stream(wanted));
  } catch (error) {
    return failure(error);
  }
};

function requestOf({ model, prompt, maxTokens }: Call) {
  const messages = [{ role: 'user' as const, content: prompt }];
  return { model, messages, ...(maxTokens !== undefined && { max_tokens: maxTokens }) };
}

async function complete(wanted: Call): Promise<Answered> {
  const { data, response } = await client.chat.completions.create(requestOf(wanted)).withResponse();
  const finishReason = data.choices[0]?.finish_reason;
  const totalTokens = data.usage?.total_tokens;
  const told = { ...(finishReason && { finishReason }), ...(totalTokens !== undefined && { totalTokens }) };
  return { outcome: 'ok', status: 200, headers: headersOf(response.headers), ...told };
}

async function stream(wanted: Call): Promise<Answered> {
  const request = { ...requestOf(wanted), stream: true as const };
  const { data, response } = await client.chat.completions.create(request).withResponse();
  let finishReason: string | undefined;
  for await (const chunk of data) {
    finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
    if (wanted.kind === 'leave' && chunk.choices[0]?.delta.content) break;
  }
  return {
    outcome: 'ok',
    status: 200,
    headers: headersOf(response.headers),
    ...(finishReason && { finishReason }),
  };
}

function failure(error: unknown): Answered {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof APIError) || typeof error.status !== 'number')
    return { outcome: 'failed', headers: {}, message };
  const outcome = error.status === 429 ? 'denied' : 'failed';
  return {
    outcome,
    status: error.status,
    headers: headersOf(error.headers ?? []),
    body: { error: error.error },
    message,
  };
}

function headersOf(headers: Iterable<[string, string]>): Record<string, string> {
  return Object.fromEntries(headers);
}

await spendAndStay(call, { origin: new URL(OPENAI_BASE_URL).origin, key: OPENAI_API_KEY });
