import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { Deadline } from '../kube/deadline.ts';

/** What a JSON answer may be at most, and how long it may take. */
export interface AnswerLimits {
  maxBytes: number;
  timeoutMs: number;
}

/** One call to an HTTP API of SAP. */
export interface JsonCall {
  dispatcher: Dispatcher;
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string;
  signal?: AbortSignal | undefined;
  limits: AnswerLimits;
  /** Reads the text of a body; throws where it is not JSON. */
  parse?: (text: string) => unknown;
}

/** Any answer, whatever its status. `body` is undefined where it was not JSON. */
export interface JsonAnswer {
  status: number;
  body: unknown;
  /** Why there is no `body`: for people, says nothing of what it held. */
  problem?: string;
  retryAfterMs?: number;
}

/** There was no complete answer. The message does not name the URL: callers do. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/**
 * Sends one call and reads the whole answer within the limits. Redirects are not followed.
 *
 * @throws NoAnswerError, or the reason of the caller's signal
 */
export async function callJson(call: JsonCall): Promise<JsonAnswer> {
  const { dispatcher, method, url, headers, body, signal, limits, parse = JSON.parse } = call;
  const deadline = new Deadline(limits.timeoutMs, signal);
  try {
    signal?.throwIfAborted();
    const answer = await request(url, {
      dispatcher,
      method,
      headers: { accept: 'application/json', 'user-agent': 'sap-ai-budget', ...headers },
      body: body ?? null,
      signal: deadline.signal,
      headersTimeout: limits.timeoutMs,
      bodyTimeout: limits.timeoutMs,
    });
    const retryAfterMs = parseRetryAfter(answer.headers['retry-after']);
    const read = await readBody(answer, { maxBytes: limits.maxBytes, parse });
    return { status: answer.statusCode, ...read, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    throw new NoAnswerError(describe(cause), { cause });
  } finally {
    deadline.clear();
  }
}

async function readBody(
  answer: Dispatcher.ResponseData,
  { maxBytes, parse }: { maxBytes: number; parse: (text: string) => unknown },
): Promise<{ body: unknown; problem?: string }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return { body: undefined, problem: `is larger than ${maxBytes} bytes` };
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return { body: parse(text) };
  } catch {
    // The parser's message quotes the text: not wanted.
    return { body: undefined, problem: problemOf(text) };
  }
}

function problemOf(text: string): string {
  const start = text.trimStart();
  if (start === '') return 'is empty';
  if (start.startsWith('<')) return 'is an HTML page';
  return /^[[{]/.test(start) ? 'is JSON that is cut off or broken' : 'is not JSON';
}

function parseRetryAfter(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the connection failed';
  // An AggregateError of several addresses has no message of its own.
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return cause.message || code || 'the connection failed';
}
