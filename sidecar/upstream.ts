import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, type Dispatcher } from 'undici';
import { RequestStart, noteStarts } from './note-start.ts';

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
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

export interface UpstreamRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
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
  const noting = agent.compose(noteStarts);
  return {
    send: (request) => send(noting, request),
    close: () => agent.destroy(),
  };
}

async function send(
  dispatcher: Dispatcher,
  { url, headers, body, signal }: UpstreamRequest,
): Promise<UpstreamAnswer> {
  const start = new RequestStart();
  try {
    const answer = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: { ...headers },
      body,
      signal,
      opaque: start,
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: decoded(answer.body, answer.headers['content-encoding'], answer.statusCode),
    };
  } catch (cause) {
    if (cause instanceof UpstreamError) throw cause;
    if (start.noted)
      throw new UpstreamError('connection_lost', 'the connection to SAP AI Core broke', { cause });
    throw new UpstreamError('not_sent', 'SAP AI Core cannot be reached', { cause });
  }
}

/** We ask for identity; a gateway that compresses all the same is understood. */
function decoded(body: Readable, encoding: string | string[] | undefined, status: number): Readable {
  const name = Array.isArray(encoding) ? encoding.join(',') : (encoding ?? 'identity');
  if (name === 'identity' || name === '') return body;
  const decoder = decoders.get(name.toLowerCase());
  if (decoder === undefined) {
    body.on('error', () => {}).destroy();
    const message = `SAP AI Core answered ${status} in an encoding nobody asked for`;
    throw new UpstreamError('encoding_not_supported', message, { status });
  }
  const stream = decoder();
  body.on('error', (error) => stream.destroy(error));
  stream.on('close', () => body.destroy());
  return body.pipe(stream);
}

const decoders = new Map([
  ['gzip', () => createGunzip()],
  ['x-gzip', () => createGunzip()],
  ['deflate', () => createInflate()],
  ['br', () => createBrotliDecompress()],
]);
