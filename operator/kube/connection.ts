import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, errors } from 'undici';
import type { Dispatcher } from 'undici';
import { KubeError } from './kube-error.ts';
import type { KubeStatus } from './kube-error.ts';
import { isKubeObject, isRecord } from './resource.ts';
import type { KubeObject } from './resource.ts';

/** Limits of a connection; the defaults suit a server in the same cluster. */
export interface ConnectionOptions {
  /** Longest time for one call, from asking to the last byte; watches have an idle limit instead. */
  requestTimeoutMs?: number;
  /** Largest answer, in bytes, that is held in memory. */
  maxBodyBytes?: number;
  /** Told of every answer and failure; `code` is 0 where there was no answer. For metrics: must not throw. */
  onCall?: (call: { method: string; path: string; code: number; durationMs: number }) => void;
}

/** One HTTP call to the API server. */
export interface KubeCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: object;
  contentType?: string;
  signal?: AbortSignal | undefined;
}

/** A successful answer: parsed body, and the server's Date header. */
export interface KubeAnswer {
  body: unknown;
  date: string | undefined;
}

const defaultRequestTimeoutMs = 30_000;
/** A page of 500 objects of the largest size etcd takes (1.5 MiB) would be more: such pages are refused, not held. */
const defaultMaxBodyBytes = 64 * 1024 * 1024;
/** Errors are a Status of a few hundred bytes. */
const maxErrorBytes = 64 * 1024;
/** Each watch occupies a connection of its own (HTTP/1.1). */
const maxConnections = 256;

/**
 * One connection pool for all calls, with the credentials of a KubeConfig. client-node itself opens a new pool, so a new TLS
 * connection, per call. HTTP/1.1 on purpose: a pooled HTTP/2 session whose peer went silent is not noticed for a minute, and
 * every retry is sent down the same dead session.
 */
export class KubeConnection {
  readonly #config: KubeConfig;
  readonly #server: URL;
  readonly #requestTimeoutMs: number;
  readonly #maxBodyBytes: number;
  readonly #onCall: ConnectionOptions['onCall'];
  #agent: Agent | undefined;
  #agentKey = '';

  constructor(config: KubeConfig, options: ConnectionOptions) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      throw new TypeError('the kubeconfig names no current cluster: set current-context');
    }
    if (cluster.proxyUrl !== undefined) {
      throw new TypeError(`cluster "${cluster.name}": proxy-url is not supported`);
    }
    this.#config = config;
    this.#server = new URL(cluster.server);
    this.#requestTimeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs;
    this.#maxBodyBytes = options.maxBodyBytes ?? defaultMaxBodyBytes;
    this.#onCall = options.onCall;
  }

  /** Sends a call that answers with an object, and returns that. */
  object<T extends KubeObject>(call: KubeCall): Promise<T> {
    return objectIn<T>(this.send(call), call);
  }

  /** Sends a call within the request's time. Throws a KubeError, or the reason of the caller's signal. */
  async send(call: KubeCall): Promise<KubeAnswer> {
    const deadline = new Deadline(this.#requestTimeoutMs, call.signal);
    try {
      const answer = await this.#exchange(call, { signal: deadline.signal, bodyTimeoutMs: 0 });
      const text = await readText(answer.body, this.#maxBodyBytes, nameOf(call));
      const { date } = answer.headers;
      return { body: parseJson(text, call), date: typeof date === 'string' ? date : undefined };
    } catch (error) {
      throw translate(error, call);
    } finally {
      deadline.clear();
    }
  }

  /** Opens a call whose answer is read as it arrives. Only the silence between two chunks is limited, by `idleTimeoutMs`. */
  async stream(
    call: KubeCall,
    { idleTimeoutMs }: { idleTimeoutMs: number },
  ): Promise<Dispatcher.ResponseData['body']> {
    const signal = call.signal ?? null;
    try {
      const answer = await this.#exchange(call, { signal, bodyTimeoutMs: idleTimeoutMs });
      return answer.body;
    } catch (error) {
      throw translate(error, call);
    }
  }

  /** Ends the pool and everything under way in it. */
  async close(): Promise<void> {
    await this.#agent?.destroy();
  }

  async #exchange(
    call: KubeCall,
    { signal, bodyTimeoutMs }: { signal: AbortSignal | null; bodyTimeoutMs: number },
  ): Promise<Dispatcher.ResponseData> {
    const startedMs = performance.now();
    let code = 0;
    try {
      call.signal?.throwIfAborted();
      const { agent, authorization } = await this.#secured();
      const answer = await agent.request({
        origin: this.#server.origin,
        path: this.#pathOf(call),
        method: call.method,
        headers: headersOf(call, authorization),
        body: call.body === undefined ? null : JSON.stringify(call.body),
        signal,
        headersTimeout: this.#requestTimeoutMs,
        bodyTimeout: bodyTimeoutMs,
      });
      code = answer.statusCode;
      if (code >= 200 && code < 300) return answer;
      throw await errorOf(answer, call);
    } finally {
      this.#onCall?.({
        method: call.method,
        path: call.path,
        code,
        durationMs: performance.now() - startedMs,
      });
    }
  }

  /** Reads credentials anew (token and CA files change under a running process) and keeps the pool while they allow it. */
  async #secured(): Promise<{ agent: Agent; authorization: string | undefined }> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const { ca, cert, key, passphrase, servername, rejectUnauthorized } = options;
    const tls = { ca, cert, key, passphrase, servername, rejectUnauthorized };
    const agentKey = JSON.stringify(Object.values(tls).map(String));
    if (this.#agent === undefined || this.#agentKey !== agentKey) {
      // Not awaited: watches on the old pool run to their end.
      void this.#agent?.close();
      this.#agent = newAgent(tls);
      this.#agentKey = agentKey;
    }
    return { agent: this.#agent, authorization: authorizationOf(options) };
  }

  #pathOf({ path, query = {} }: KubeCall): string {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) search.set(key, value);
    }
    const prefix = this.#server.pathname.replace(/\/+$/, '');
    return search.size === 0 ? prefix + path : `${prefix}${path}?${search.toString()}`;
  }
}

type TlsOptions = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>;

function newAgent(tls: TlsOptions): Agent {
  const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  return new Agent({
    allowH2: false,
    connections: maxConnections,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    connect: { ...given, timeout: 10_000 },
  });
}

function authorizationOf({ headers, auth }: RequestOptions): string | undefined {
  if (typeof auth === 'string') return `Basic ${Buffer.from(auth).toString('base64')}`;
  if (headers === undefined || !('Authorization' in headers)) return undefined;
  return typeof headers.Authorization === 'string' ? headers.Authorization : undefined;
}

function headersOf(call: KubeCall, authorization: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'sap-ai-budget' };
  if (authorization !== undefined) headers['authorization'] = authorization;
  if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
  return headers;
}

/** A time limit joined with the caller's signal, which outlives it: the listener has to be taken off again. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #forward = (): void => this.#controller.abort(this.#outer?.reason);

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#timer = setTimeout(() => this.#controller.abort(new DeadlineError(ms)), ms);
    outer?.addEventListener('abort', this.#forward, { once: true });
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#forward);
  }
}

class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  constructor(ms: number) {
    super(`no complete answer within ${ms} ms`);
  }
}

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

function nameOf({ method, path }: KubeCall): string {
  return `${method} ${path}`;
}

async function readText(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
  call: string,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new KubeError(`${call}: the answer is larger than ${maxBytes} bytes`, {
        code: 200,
        reason: 'InvalidAnswer',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string, call: KubeCall): unknown {
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

async function errorOf(answer: Dispatcher.ResponseData, call: KubeCall): Promise<KubeError> {
  const code = answer.statusCode;
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after']);
  let status: KubeStatus = {};
  try {
    const parsed: unknown = JSON.parse(await readText(answer.body, maxErrorBytes, nameOf(call)));
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
  return new KubeError(`${call.method} ${call.path}: ${said}`, {
    code: 0,
    reason: slow ? 'TimedOut' : 'Unreachable',
    cause: error,
  });
}
