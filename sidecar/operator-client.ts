import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher, request } from 'undici';
import type { z } from 'zod';
import {
  type ConfigurationAnswer,
  type ConfigurationRequest,
  type LeaseAnswer,
  type LeaseRequest,
  type TokenAnswer,
  type TokenRequest,
  configurationAnswer,
  encodeMessage,
  endpointError,
  leaseAnswer,
  tokenAnswer,
} from '../accounting/messages.ts';

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
/** The largest configuration: a thousand deployments and models with all their members. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** Makes a client. CA and token are read anew for each call, because both are replaced while we run. */
export function createOperatorClient(options: {
  url: string;
  caFile: string;
  tokenFile: string;
}): OperatorClient {
  const connection = new Connection(options.caFile);
  const call = async <T>(
    path: string,
    message: Parameters<typeof encodeMessage>[0],
    schema: z.ZodType<T>,
    limits: { signal: AbortSignal; timeoutMs: number },
  ): Promise<T> => {
    const token = (await readCredential(options.tokenFile)).trim();
    const dispatcher = await connection.dispatcher();
    const target = { url: `${options.url}${path}`, token, dispatcher };
    return parseAnswer(await send(target, encodeMessage(message), limits), schema);
  };
  return {
    lease: (message, signal) => call('/v1/lease', message, leaseAnswer, { signal, timeoutMs: callMs }),
    token: (message, signal) => call('/v1/token', message, tokenAnswer, { signal, timeoutMs: 2 * callMs }),
    configuration: (message, signal) =>
      call('/v1/configuration', message, configurationAnswer, {
        signal,
        timeoutMs: message.waitSeconds * 1000 + 2 * callMs,
      }),
    close: () => connection.close(),
  };
}

/** Keeps one pool of connections for as long as the CA file says the same. */
class Connection {
  readonly #caFile: string;
  #ca: string | undefined;
  #agent: Agent | undefined;

  constructor(caFile: string) {
    this.#caFile = caFile;
  }

  async dispatcher(): Promise<Dispatcher> {
    const ca = await readCredential(this.#caFile);
    if (this.#agent !== undefined && ca === this.#ca) return this.#agent;
    const old = this.#agent;
    this.#ca = ca;
    this.#agent = new Agent({ allowH2: false, connections: 4, connect: { ca, timeout: callMs } });
    // Calls under way on the old pool end there, and then it is gone.
    if (old !== undefined) void old.close();
    return this.#agent;
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
  }
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
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<{ status: number; text: string }> {
  try {
    const answer = await request(target.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${target.token}`, 'content-type': 'application/json' },
      body,
      dispatcher: target.dispatcher,
      headersTimeout: timeoutMs,
      bodyTimeout: callMs,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs + callMs)]),
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
