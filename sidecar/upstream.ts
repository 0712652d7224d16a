import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, type Dispatcher } from 'undici';
import type { AnswerBody } from './answer-body.ts';
import { DecodedBody } from './decoded-body.ts';
import { type AnswerHead, UpstreamCall } from './upstream-call.ts';

/** How a call to SAP failed. `not_sent`: before the first byte of the request could leave. */
export type UpstreamErrorReason = 'not_sent' | 'connection_lost' | 'encoding_not_supported';

/** A call to SAP that brought no answer. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly reason: UpstreamErrorReason;
  /** Of the answer that could not be read; present with `encoding_not_supported`. */
  readonly status: number | undefined;

  constructor(reason: UpstreamErrorReason, message: string, options?: ErrorOptions & { status?: number }) {
    super(message, options);
    this.reason = reason;
    this.status = options?.status;
  }
}

/** The head of SAP's answer and its body, already decoded. */
export interface UpstreamAnswer extends AnswerHead {
  readonly body: AnswerBody;
}

export interface UpstreamRequest {
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: string | Buffer;
  readonly signal: AbortSignal;
}

/** SAP as the sidecar calls it. */
export interface Upstream {
  send(request: UpstreamRequest): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

const connectMs = 10_000;
const maxConnections = 256;

/** Opens a bounded pool of connections. `silentMs`: the longest silence before and within an answer. */
export function createUpstream({ silentMs }: { silentMs: number }): Upstream {
  const agent = new Agent({
    allowH2: false,
    connections: maxConnections,
    pipelining: 1,
    headersTimeout: silentMs,
    bodyTimeout: silentMs,
    connect: { timeout: connectMs },
  });
  return {
    send: (request) => send(agent, request),
    close: () => agent.destroy(),
  };
}

async function send(
  dispatcher: Dispatcher,
  { origin, path, headers, body, signal }: UpstreamRequest,
): Promise<UpstreamAnswer> {
  const call = new UpstreamCall();
  const abort = () => call.abort(asError(signal.reason));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  dispatcher.dispatch({ origin, path, method: 'POST', headers, body }, call);
  const head = await headOf(call);
  return { ...head, body: decoded(call, head) };
}

async function headOf(call: UpstreamCall): Promise<AnswerHead> {
  try {
    return await call.head;
  } catch (cause) {
    if (call.started)
      throw new UpstreamError('connection_lost', 'the connection to SAP AI Core broke', { cause });
    throw new UpstreamError('not_sent', 'SAP AI Core cannot be reached', { cause });
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the call was aborted', { cause: reason });
}

/** We ask for identity; a gateway that compresses all the same is understood. */
function decoded(body: AnswerBody, { status, headers }: AnswerHead): AnswerBody {
  const encoding = headers['content-encoding'] ?? 'identity';
  const name = Array.isArray(encoding) ? encoding.join(',') : encoding;
  if (name === 'identity' || name === '') return body;
  const decoder = decoders.get(name.toLowerCase());
  if (decoder !== undefined) return new DecodedBody(body, decoder());
  body.abandon();
  const message = `SAP AI Core answered ${status} in an encoding nobody asked for`;
  throw new UpstreamError('encoding_not_supported', message, { status });
}

const decoders = new Map([
  ['gzip', () => createGunzip()],
  ['x-gzip', () => createGunzip()],
  ['deflate', () => createInflate()],
  ['br', () => createBrotliDecompress()],
]);
