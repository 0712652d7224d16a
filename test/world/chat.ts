import { z } from 'zod';
import type { Workload } from './world.ts';

/** What a request asks for. */
export interface ChatOptions {
  /** Tokens that the emulator answers with, unless it is told less. */
  outTokens?: number;
  /** The client's limit; 0: it names none. */
  maxTokens?: number;
  /** Of the emulator, in the prompt: `[[fault=no-usage]]`. */
  directives?: string;
  timeoutMs?: number;
}

/** What the client saw; `reason` is that of a refusal. */
export interface ChatResult {
  /** 0: there was no answer. */
  status: number;
  reason: string | undefined;
  requestId: string | undefined;
  /** The output limit was lowered because the budget could not pay for more. */
  cutShort: boolean;
  /** CU as decimal text. */
  reserved: string;
  /** The whole body of a refusal. */
  refusal: unknown;
}

const refusal = z.object({ error: z.looseObject({ code: z.string() }) });
const noAnswer = {
  reason: 'no answer',
  requestId: undefined,
  cutShort: false,
  reserved: '0',
  refusal: undefined,
};

/** One chat completion through the sidecar of a workload, as the OpenAI API has it. */
export async function chat({ sidecar }: Workload, options: ChatOptions = {}): Promise<ChatResult> {
  try {
    const answer = await fetch(`${sidecar.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${sidecar.budget}.${sidecar.pod.appKey}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(bodyOf(options)),
      signal: AbortSignal.timeout(options.timeoutMs ?? 60_000),
    });
    return resultOf(answer, await answer.json());
  } catch {
    return { status: 0, ...noAnswer };
  }
}

function bodyOf({ outTokens = 100, maxTokens = 300, directives = '' }: ChatOptions): object {
  const content = `Which orders are late? [[out=${outTokens}]]${directives}`;
  const limit = maxTokens > 0 ? { max_tokens: maxTokens } : {};
  return { model: 'gpt-4o', ...limit, messages: [{ role: 'user', content }] };
}

function resultOf({ status, ok, headers }: Response, body: unknown): ChatResult {
  return {
    status,
    reason: refusal.safeParse(body).data?.error.code,
    requestId: headers.get('sapaibudget-request-id') ?? undefined,
    cutShort: headers.has('sapaibudget-max-tokens-clamped'),
    reserved: headers.get('sapaibudget-cu-reserved') ?? '0',
    refusal: ok ? undefined : body,
  };
}
