import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { errorOf, objectIn, parseJson, readText, translate } from './answer.ts';
import type { KubeAnswer, KubeCall } from './call.ts';
import { Deadline } from './deadline.ts';
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

const defaultRequestTimeoutMs = 30_000;
/** A page of 500 objects of the largest size etcd takes (1.5 MiB) would be more: such pages are refused, not held. */
const defaultMaxBodyBytes = 64 * 1024 * 1024;
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
      const text = await readText(answer.body, this.#maxBodyBytes, call);
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
        // Otherwise undici closes the connection after a DELETE with a body, and the next call makes a new one.
        reset: false,
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
  const headers: Record<string, string> = {
    accept: call.accept ?? 'application/json',
    'user-agent': 'sap-ai-budget',
  };
  if (authorization !== undefined) headers['authorization'] = authorization;
  if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
  return headers;
}
