import { z } from 'zod';
import type { Dispatcher } from 'undici';
import type { Clock } from '../kube/clock.ts';
import type { AccessToken } from './access-token.ts';
import { callJson, NoAnswerError } from './http-json.ts';
import type { JsonAnswer } from './http-json.ts';
import { SapError } from './sap-error.ts';
import { fingerprint } from './service-key.ts';
import type { ServiceKey } from './service-key.ts';

/** A token answer has a few kilobytes: SAP's own headers end at 16 KB. */
const limits = { maxBytes: 64 * 1024, timeoutMs: 15_000 };
/** Longest Retry-After that is obeyed; beyond it SAP is asked again, and may say so again. */
const maxRetryAfterMs = 60_000;
/** How soon after a failure SAP is asked again, whoever asks us. */
const pauseAfterFailureMs = 1_000;
/** A token with less left than this is no use to anybody. */
const leastLifeMs = 10_000;
/** Keys remembered at once: rotated ones are dropped by age of use. */
const maxKeys = 512;

const tokenDocument = z.object({
  access_token: z.string().min(1).max(16_384),
  expires_in: z.coerce
    .number()
    .int()
    .min(1)
    .max(30 * 86_400),
});

interface Entry {
  token?: AccessToken & { renewAtMs: number };
  pending?: Promise<AccessToken>;
  failure?: { error: SapError; untilMs: number };
}

/**
 * Access tokens by service key: cached, renewed at half of their life, at most one request under way for a key, and no
 * request before a failure has had its pause. The key's secret goes to its token URL and nowhere else.
 */
export class TokenBroker {
  readonly #dispatcher: Dispatcher;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor({ dispatcher, clock }: { dispatcher: Dispatcher; clock: Clock }) {
    this.#dispatcher = dispatcher;
    this.#clock = clock;
  }

  /**
   * A token that lives for at least half of its life, or, while SAP gives no new one, for at least some seconds.
   *
   * @throws SapError `CredentialsInvalid` or `TokenEndpointUnavailable`, or the signal's reason
   */
  async token(key: ServiceKey, { signal }: { signal: AbortSignal }): Promise<AccessToken> {
    signal.throwIfAborted();
    const entry = this.#entryOf(fingerprint(key));
    const nowMs = this.#clock.nowMs();
    if (entry.token && nowMs < entry.token.renewAtMs) return entry.token;
    try {
      return await untilAborted(this.#renew(key, entry), signal);
    } catch (error) {
      if (!(error instanceof SapError) || error.reason === 'CredentialsInvalid') throw error;
      if (entry.token && nowMs < entry.token.expiresAtMs - leastLifeMs) return entry.token;
      throw error;
    }
  }

  /** SAP did not accept this token: the next call gets another one. */
  drop(key: ServiceKey, accessToken: string): void {
    const entry = this.#entries.get(fingerprint(key));
    if (entry?.token?.accessToken === accessToken) delete entry.token;
  }

  #entryOf(id: string): Entry {
    const entry = this.#entries.get(id) ?? {};
    // Last used, last in the map: the first one is the oldest.
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > maxKeys && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  /** One request for all who ask; it goes on when one of them leaves. */
  #renew(key: ServiceKey, entry: Entry): Promise<AccessToken> {
    const { failure } = entry;
    if (failure && this.#clock.nowMs() < failure.untilMs) return Promise.reject(failure.error);
    entry.pending ??= this.#fetch(key, entry).finally(() => delete entry.pending);
    return entry.pending;
  }

  async #fetch(key: ServiceKey, entry: Entry): Promise<AccessToken> {
    const askedMs = this.#clock.nowMs();
    try {
      const { access_token, expires_in } = await requestToken(this.#dispatcher, key);
      const lifeMs = expires_in * 1000;
      const token = {
        accessToken: access_token,
        expiresAtMs: askedMs + lifeMs,
        renewAtMs: askedMs + lifeMs / 2,
      };
      entry.token = token;
      delete entry.failure;
      return token;
    } catch (error) {
      if (!(error instanceof SapError)) throw error;
      if (error.reason === 'CredentialsInvalid') delete entry.token;
      const pauseMs = Math.max(pauseAfterFailureMs, Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs));
      entry.failure = { error, untilMs: this.#clock.nowMs() + pauseMs };
      throw error;
    }
  }
}

async function requestToken(dispatcher: Dispatcher, key: ServiceKey): Promise<z.infer<typeof tokenDocument>> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: key.clientId,
    client_secret: key.clientSecret.reveal(),
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await callJson({
    dispatcher,
    method: 'POST',
    url: key.tokenUrl,
    headers,
    body,
    limits,
  }).catch((error: unknown) => {
    if (!(error instanceof NoAnswerError)) throw error;
    throw unavailable(key, `gives no answer: ${error.message}`);
  });
  return readToken(key, answer);
}

/** UAA's words for a client that may not have what it asks for, however right its secret is. */
const grantWords: ReadonlySet<string> = new Set([
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
]);

function readToken(key: ServiceKey, answer: JsonAnswer): z.infer<typeof tokenDocument> {
  const { status, body, problem, retryAfterMs } = answer;
  const word = errorWord(body);
  if (status < 500 && grantWords.has(word))
    throw new SapError(
      'CredentialsInvalid',
      `SAP gives this client no token by client credentials (HTTP ${status} ${word} from ${hostOf(key)}): store a service key of the plan that the documentation names`,
    );
  if (status === 401 || (status === 400 && word === 'invalid_client'))
    throw new SapError(
      'CredentialsInvalid',
      `SAP accepts neither the client nor its secret (HTTP ${status} from ${hostOf(key)}): create a new service key and store it in the Secret`,
    );
  if (status !== 200) throw unavailable(key, `answers HTTP ${status} ${word}`.trimEnd(), retryAfterMs);
  const parsed = tokenDocument.safeParse(body);
  if (parsed.success) return parsed.data;
  throw unavailable(key, `gives an answer that ${problem ?? 'holds no token'}`);
}

function unavailable(key: ServiceKey, what: string, retryAfterMs?: number): SapError {
  return new SapError(
    'TokenEndpointUnavailable',
    `SAP's token endpoint ${hostOf(key)} ${what}; check the url of the service key and the way out of the cluster`,
    { retryAfterMs },
  );
}

/** UAA names errors by words such as `unauthorized`; anything else is not repeated. */
function errorWord(body: unknown): string {
  const parsed = z.object({ error: z.string().regex(/^[a-z_]{1,40}$/) }).safeParse(body);
  return parsed.success ? parsed.data.error : '';
}

function hostOf(key: ServiceKey): string {
  return new URL(key.tokenUrl).host;
}

/** Ends the wait, not the work. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
