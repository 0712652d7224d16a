import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { Agent, type Dispatcher, request } from 'undici';
import type { z } from 'zod';
import {
  type ConfigurationAnswer,
  type ConfigurationRequest,
  configurationAnswer,
} from '../accounting/configuration-messages.ts';
import {
  type LeaseAnswer,
  type LeaseRequest,
  type TokenAnswer,
  type TokenRequest,
  encodeMessage,
  endpointError,
  leaseAnswer,
  tokenAnswer,
} from '../accounting/messages.ts';
import { Home } from './home.ts';

/** Why the operator gave no answer. */
export type OperatorErrorReason =
  | 'credentials_unreadable' // CA or token file
  | 'unreachable'
  | 'not_accepted' // 401 or 403
  | 'unavailable' // any other status
  | 'malformed_answer';

/** A call to the operator that brought no answer; which files or rights are wrong is in the message. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly reason: OperatorErrorReason;

  constructor(reason: OperatorErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The operator, as a sidecar calls it. */
export interface OperatorClient {
  lease(request: LeaseRequest, signal: AbortSignal): Promise<LeaseAnswer>;
  token(request: TokenRequest, signal: AbortSignal): Promise<TokenAnswer>;
  /** Long poll: comes back when the configuration differs from `seen`, or after `waitSeconds`. */
  configuration(request: ConfigurationRequest, signal: AbortSignal): Promise<ConfigurationAnswer>;
  close(): Promise<void>;
}

const callMs = 5000;
/** A replica that is well takes a connection in less; if it does not, another one is asked. */
const connectHomeMs = 1500;
/** An ask may wait two seconds for a recall round: only the home's is answered by all holders. */
const leaseAtHomeMs = 3500;
/** The home and the one that stands in for it, before any replica is asked. */
const maxPlaces = 2;
/** Why another replica may be asked; whoever may not call is told so by all. */
const passing: ReadonlySet<OperatorErrorReason> = new Set(['unreachable', 'unavailable', 'malformed_answer']);
/** The largest configuration: a thousand deployments and models with all their members. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** Makes a client. CA and token are read anew for each call, because both are replaced while we run. */
export function createOperatorClient(options: {
  url: string;
  caFile: string;
  tokenFile: string;
}): OperatorClient {
  const pools = new Pools({ caFile: options.caFile, host: new URL(options.url).hostname });
  const home = new Home(() => performance.now());
  const call = async <T>(
    path: string,
    compose: () => Message,
    schema: z.ZodType<T>,
    limits: Limits,
  ): Promise<T> => {
    const token = (await readCredential(options.tokenFile)).trim();
    const question = { path, token, schema, limits, dispatcher: await pools.home() };
    for (let place = 1; place <= maxPlaces && home.current !== undefined; place += 1) {
      const atHome = await askHome(home, { ...question, body: encodeMessage(compose()) });
      if (atHome !== undefined) return atHome;
    }
    const target = { url: `${options.url}${path}`, token, dispatcher: await pools.any() };
    return parseAnswer(await send(target, encodeMessage(compose()), limits), schema);
  };
  return {
    lease: (message, signal) =>
      call('/v1/lease', () => message, leaseAnswer, { signal, timeoutMs: callMs, atHomeMs: leaseAtHomeMs }),
    token: (message, signal) =>
      call('/v1/token', () => message, tokenAnswer, { signal, timeoutMs: 2 * callMs, atHomeMs: callMs }),
    configuration: async (message, signal) => {
      const timeoutMs = message.waitSeconds * 1000 + 2 * callMs;
      const limits = { signal, timeoutMs, atHomeMs: timeoutMs };
      const compose = () => ({ ...message, ...pollOf(home, message.waitSeconds) });
      const answer = await call('/v1/configuration', compose, configurationAnswer, limits);
      home.move(answer.home, answer.standIn);
      return answer;
    },
    close: () => pools.close(),
  };
}

type Message = Parameters<typeof encodeMessage>[0];

/** A recall begins at the home: whoever polls another replica in its place goes back as soon as it may. */
function pollOf({ told, awayMs }: Home, patience: number): { home: string; waitSeconds: number } {
  const away = Math.ceil((awayMs ?? Number.POSITIVE_INFINITY) / 1000);
  return { home: told, waitSeconds: Math.min(patience, away) };
}

interface Limits {
  signal: AbortSignal;
  /** Longest wait for an answer, in ms, and that for the home's. */
  timeoutMs: number;
  atHomeMs: number;
}

/** The answer of the home or who stands in for it; undefined where it gave none, and another replica is to be asked. Messages may be repeated. */
async function askHome<T>(
  home: Home,
  {
    path,
    token,
    body,
    schema,
    limits: { signal, atHomeMs: timeoutMs },
    dispatcher,
  }: {
    path: string;
    token: string;
    body: string;
    schema: z.ZodType<T>;
    limits: Limits;
    dispatcher: Dispatcher;
  },
): Promise<T | undefined> {
  const { current } = home;
  if (current === undefined) return undefined;
  const { origin, left } = current;
  const target = { url: `${origin}${path}`, token, dispatcher };
  try {
    const limits = { signal: AbortSignal.any([signal, left]), timeoutMs, lateMs: 0 };
    const answer = parseAnswer(await send(target, body, limits), schema);
    home.answered(origin);
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    const isSilent = error instanceof OperatorError && passing.has(error.reason);
    if (!isSilent && !left.aborted) throw error;
    if (isSilent) home.failed(origin);
    return undefined;
  }
}

/** Keeps pools of connections for as long as the CA file says the same. */
class Pools {
  readonly #caFile: string;
  readonly #host: string;
  #ca: string | undefined;
  #agents: { any: Agent; home: Agent } | undefined;

  /** `host` is the name that every replica's certificate is for. */
  constructor({ caFile, host }: { caFile: string; host: string }) {
    this.#caFile = caFile;
    this.#host = host.replace(/^\[|\]$/g, '');
  }

  /** For calls to the address of all replicas. */
  async any(): Promise<Dispatcher> {
    return (await this.#open()).any;
  }

  /** For calls to one replica by its IP address. */
  async home(): Promise<Dispatcher> {
    return (await this.#open()).home;
  }

  async close(): Promise<void> {
    await Promise.all([this.#agents?.any.destroy(), this.#agents?.home.destroy()]);
  }

  async #open(): Promise<{ any: Agent; home: Agent }> {
    const ca = await readCredential(this.#caFile);
    if (this.#agents !== undefined && ca === this.#ca) return this.#agents;
    const old = this.#agents;
    this.#ca = ca;
    this.#agents = { any: newAgent({ ca, timeout: callMs }), home: newAgent(this.#homeOptions(ca)) };
    // Calls under way on the old pools end there, and then they are gone.
    void old?.any.close();
    void old?.home.close();
    return this.#agents;
  }

  #homeOptions(ca: string): ConnectOptions {
    const host = this.#host;
    return {
      ca,
      timeout: connectHomeMs,
      ...(isIP(host) === 0 && { servername: host }),
      checkServerIdentity: (_address, certificate) => checkServerIdentity(host, certificate),
    };
  }
}

type ConnectOptions = Pick<ConnectionOptions, 'ca' | 'servername' | 'checkServerIdentity'> & {
  timeout: number;
};

function newAgent(connect: ConnectOptions): Agent {
  return new Agent({ allowH2: false, connections: 4, connect });
}

async function readCredential(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new OperatorError('credentials_unreadable', `cannot read ${file}: check the pod's volumes`, {
      cause,
    });
  }
}

async function send(
  target: { url: string; token: string; dispatcher: Dispatcher },
  body: string,
  { signal, timeoutMs, lateMs = callMs }: { signal: AbortSignal; timeoutMs: number; lateMs?: number },
): Promise<{ status: number; text: string }> {
  try {
    const answer = await request(target.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${target.token}`, 'content-type': 'application/json' },
      body,
      dispatcher: target.dispatcher,
      headersTimeout: timeoutMs,
      bodyTimeout: callMs,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs + lateMs)]),
    });
    return { status: answer.statusCode, text: await readText(answer.body) };
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError('unreachable', 'the operator cannot be reached', { cause });
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes)
      throw new OperatorError('malformed_answer', 'the operator’s answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseAnswer<T>({ status, text }: { status: number; text: string }, schema: z.ZodType<T>): T {
  const body = parseJson(text);
  if (status !== 200) {
    const told = endpointError.safeParse(body);
    const detail = told.success ? `${told.data.error.reason}: ${told.data.error.message}` : 'no reason given';
    const reason = status === 401 || status === 403 ? 'not_accepted' : 'unavailable';
    throw new OperatorError(reason, `the operator answered ${status} (${detail})`);
  }
  const answer = schema.safeParse(body);
  if (answer.success) return answer.data;
  const where = answer.error.issues.slice(0, 3).map(({ path }) => path.join('.') || 'the whole');
  throw new OperatorError(
    'malformed_answer',
    `the operator’s answer is not what this version understands (${where.join(', ')})`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
