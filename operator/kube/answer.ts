import { errors } from 'undici';
import type { Dispatcher } from 'undici';
import { nameOf } from './call.ts';
import type { KubeAnswer, KubeCall } from './call.ts';
import { DeadlineError } from './deadline.ts';
import { KubeError } from './kube-error.ts';
import type { KubeStatus } from './kube-error.ts';
import { isKubeObject, isRecord } from './resource.ts';
import type { KubeObject } from './resource.ts';

/** Errors are a Status of a few hundred bytes. */
const maxErrorBytes = 64 * 1024;

/** The object in an answer; `InvalidAnswer` where there is none. */
export async function objectIn<T extends KubeObject>(
  answer: Promise<KubeAnswer>,
  call: KubeCall,
): Promise<T> {
  const { body } = await answer;
  if (isKubeObject<T>(body)) return body;
  throw new KubeError(`${nameOf(call)}: the answer is no Kubernetes object`, {
    code: 200,
    reason: 'InvalidAnswer',
  });
}

/** The body as text; `InvalidAnswer` beyond `maxBytes`. */
export async function readText(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
  call: KubeCall,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new KubeError(`${nameOf(call)}: the answer is larger than ${maxBytes} bytes`, {
        code: 200,
        reason: 'InvalidAnswer',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Parses an answer; `InvalidAnswer` where it is not JSON. */
export function parseJson(text: string, call: KubeCall): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No cause: the parser's message quotes the text, which may be a Secret.
    throw new KubeError(`${nameOf(call)}: the answer is not JSON; is this an API server?`, {
      code: 200,
      reason: 'InvalidAnswer',
    });
  }
}

/** The error that an answer outside 2xx stands for; reads a bounded part of its body. */
export async function errorOf(answer: Dispatcher.ResponseData, call: KubeCall): Promise<KubeError> {
  const code = answer.statusCode;
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after']);
  let status: KubeStatus = {};
  try {
    const parsed: unknown = JSON.parse(await readText(answer.body, maxErrorBytes, call));
    if (isRecord(parsed)) status = parsed;
  } catch {
    // Not a Status: the HTTP code says enough.
  }
  return KubeError.fromStatus(nameOf(call), status, { code, retryAfterMs });
}

/** Seconds only: that is the form API servers use. */
function parseRetryAfter(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** Turns whatever ended a call into the caller's own abort reason or a KubeError. */
export function translate(error: unknown, call: Pick<KubeCall, 'method' | 'path' | 'signal'>): unknown {
  if (call.signal?.aborted === true) return call.signal.reason;
  if (error instanceof KubeError || error instanceof TypeError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const slow =
    error instanceof DeadlineError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError;
  return new KubeError(`${nameOf(call)}: ${said}`, {
    code: 0,
    reason: slow ? 'TimedOut' : 'Unreachable',
    cause: error,
  });
}
