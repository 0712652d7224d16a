import { AzureOpenAiChatClient } from '@sap-ai-sdk/foundation-models';
import { z } from 'zod';
import type { Call, CallResult } from './application.ts';

type Answered = Omit<CallResult, 'id' | 'call'>;

/** Makes a call as a customer's application does: with SAP's SDK, configured by the environment alone. Never rejects. */
export async function callWithSap(wanted: Call): Promise<Answered> {
  try {
    return await run(wanted);
  } catch (error) {
    return failure(error);
  }
}

async function run({ kind, model, prompt, maxTokens }: Call): Promise<Answered> {
  const client = new AzureOpenAiChatClient(model);
  const request = {
    messages: [{ role: 'user' as const, content: prompt }],
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
  };
  if (kind === 'json') return told(await client.run(request));
  const leaving = new AbortController();
  const answer = await client.stream(request, leaving.signal);
  for await (const chunk of answer.stream) {
    if (kind !== 'leave' || !chunk.getDeltaContent()) continue;
    leaving.abort();
    break;
  }
  return told(answer);
}

interface Told {
  getFinishReason(): string | null | undefined;
  getTokenUsage(): { total_tokens: number } | undefined;
  rawResponse: { headers: unknown };
}

function told(answer: Told): Answered {
  const finishReason = answer.getFinishReason();
  const totalTokens = answer.getTokenUsage()?.total_tokens;
  return {
    outcome: 'ok',
    status: 200,
    headers: headersOf(answer.rawResponse.headers),
    ...(finishReason && { finishReason }),
    ...(totalTokens !== undefined && { totalTokens }),
  };
}

/** The SDK wraps the HTTP client's error, which holds the answer. */
const withResponse = z.object({
  response: z.object({ status: z.int(), headers: z.unknown(), data: z.unknown() }),
});

function failure(error: unknown): Answered {
  const message = error instanceof Error ? error.message : String(error);
  const found = withResponse.safeParse(innermost(error));
  if (!found.success) return { outcome: 'failed', headers: {}, message };
  const { status, headers, data } = found.data.response;
  const outcome = status === 429 ? 'denied' : 'failed';
  return { outcome, status, headers: headersOf(headers), body: plain(data), message };
}

function innermost(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && !('response' in cause) && cause.cause) ({ cause } = cause);
  return cause;
}

function headersOf(headers: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

/** What cannot be written as JSON does not belong on a line. */
function plain(data: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(data));
  } catch {
    return undefined;
  }
}
