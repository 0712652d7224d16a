import { schemaVersion } from '../accounting/message-parts.ts';
import type { Clock } from './clock.ts';
import type { LeaseHolder } from './lease/holder.ts';
import { type OperatorClient, OperatorError } from './operator-client.ts';
import { ProxyError } from './proxy-error.ts';

interface CachedToken {
  readonly text: string;
  /** Monotonic ms. */
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

/** A token is not used in its last seconds: it has to live until SAP has looked at it. */
const safetyMs = 5000;

/** Fetches SAP access tokens from the operator, one for each lease, and keeps them for as long as they live. */
export class SapTokens {
  readonly #client: Pick<OperatorClient, 'token'>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #onRefresh: (result: 'ok' | 'failed') => void;
  readonly #tokens = new Map<string, CachedToken>();
  readonly #fetching = new Map<string, Promise<string>>();

  constructor(options: {
    client: Pick<OperatorClient, 'token'>;
    clock: Clock;
    signal: AbortSignal;
    onRefresh: (result: 'ok' | 'failed') => void;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#signal = options.signal;
    this.#onRefresh = options.onRefresh;
  }

  /**
   * The token to call SAP with. Renewed at half of its life in the background; waited for only when there is none.
   *
   * @throws ProxyError `token_unavailable`
   */
  async get(holder: LeaseHolder): Promise<string> {
    const { ledgerUid } = holder;
    const nowMs = this.#clock.monotonicMs();
    const cached = this.#tokens.get(ledgerUid);
    if (cached === undefined || cached.endsAtMs <= nowMs) return this.#fetch(holder);
    // A failed renewal is tried again with the next request; the cached token is good until it ends.
    if (cached.renewAtMs <= nowMs) this.#fetch(holder).catch(() => undefined);
    return cached.text;
  }

  /** SAP did not accept this token: the next one is a new one. */
  drop(holder: LeaseHolder, text: string): void {
    if (this.#tokens.get(holder.ledgerUid)?.text === text) this.#tokens.delete(holder.ledgerUid);
  }

  /** Forgets the token of a ledger that is not current any more. */
  forget(current: ReadonlySet<string>): void {
    for (const ledgerUid of this.#tokens.keys()) if (!current.has(ledgerUid)) this.#tokens.delete(ledgerUid);
  }

  #fetch(holder: LeaseHolder): Promise<string> {
    const underWay = this.#fetching.get(holder.ledgerUid);
    if (underWay !== undefined) return underWay;
    const fetching = this.#request(holder).finally(() => this.#fetching.delete(holder.ledgerUid));
    this.#fetching.set(holder.ledgerUid, fetching);
    return fetching;
  }

  async #request(holder: LeaseHolder): Promise<string> {
    const { budget, ledgerUid, incarnation } = holder.lease;
    const sentAtMs = this.#clock.monotonicMs();
    try {
      const answer = await this.#client.token(
        { schema: schemaVersion, budget, ledgerUid, incarnation },
        this.#signal,
      );
      const lifeMs = answer.expiresInSeconds * 1000;
      const endsAtMs = sentAtMs + Math.max(lifeMs / 2, lifeMs - safetyMs);
      this.#tokens.set(ledgerUid, { text: answer.accessToken, renewAtMs: sentAtMs + lifeMs / 2, endsAtMs });
      this.#onRefresh('ok');
      return answer.accessToken;
    } catch (cause) {
      this.#onRefresh('failed');
      const detail = cause instanceof OperatorError ? `: ${cause.message}` : '';
      throw new ProxyError('token_unavailable', `no SAP access token from the operator${detail}`, { cause });
    }
  }
}
