/**
 * An application as a customer writes it: SAP's SDK, configured by its environment alone. Reads one call a line from
 * standard input and writes one result a line; it ends with its input.
 */
import { createInterface } from 'node:readline';
import { AzureOpenAiChatClient } from '@sap-ai-sdk/foundation-models';
import { z } from 'zod';
import { call, type CallResult } from './application.ts';

const line = call.extend({ id: z.int() });
type Line = z.infer<typeof line>;

createInterface({ input: process.stdin }).on('line', (text) => {
  const wanted = line.parse(JSON.parse(text));
  run(wanted).then(
    (result) => say(result),
    (error: unknown) => say(failure(wanted, error)),
  );
});

function say(result: CallResult): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function run({ id, ...wanted }: Line): Promise<CallResult> {
  const client = new AzureOpenAiChatClient(wanted.model);
  const request = {
    messages: [{ role: 'user' as const, content: wanted.prompt }],
    ...(wanted.maxTokens !== undefined && { max_tokens: wanted.maxTokens }),
  };
  if (wanted.kind === 'json') {
    const answer = await client.run(request);
    return { ...told({ id, call: wanted }, answer), headers: headersOf(answer.rawResponse.headers) };
  }
  const leaving = new AbortController();
  const answer = await client.stream(request, leaving.signal);
  for await (const chunk of answer.stream) {
    if (wanted.kind !== 'leave' || !chunk.getDeltaContent()) continue;
    leaving.abort();
    break;
  }
  return { ...told({ id, call: wanted }, answer), headers: headersOf(answer.rawResponse.headers) };
}

interface Told {
  getFinishReason(): string | null | undefined;
  getTokenUsage(): { total_tokens: number } | undefined;
}

function told(of: Pick<CallResult, 'id' | 'call'>, answer: Told): Omit<CallResult, 'headers'> {
  const finishReason = answer.getFinishReason();
  const totalTokens = answer.getTokenUsage()?.total_tokens;
  return {
    ...of,
    outcome: 'ok',
    status: 200,
    ...(finishReason && { finishReason }),
    ...(totalTokens !== undefined && { totalTokens }),
  };
}

/** The SDK wraps the HTTP client's error, which holds the answer. */
const withResponse = z.object({
  response: z.object({ status: z.int(), headers: z.unknown(), data: z.unknown() }),
});

function failure({ id, ...wanted }: Line, error: unknown): CallResult {
  const message = error instanceof Error ? error.message : String(error);
  const found = withResponse.safeParse(innermost(error));
  if (!found.success) return { id, call: wanted, outcome: 'failed', headers: {}, message };
  const { status, headers, data } = found.data.response;
  const outcome = status === 429 ? 'denied' : 'failed';
  return { id, call: wanted, outcome, status, headers: headersOf(headers), body: plain(data), message };
}

function innermost(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && !('response' in cause) && cause.cause) ({ cause } = cause);
  return cause;
}

function headersOf(headers: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

/** The body of a failed stream is a stream object, which does not belong on a line. */
function plain(data: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(data));
  } catch {
    return undefined;
  }
}
