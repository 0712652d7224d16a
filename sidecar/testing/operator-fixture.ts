import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, createServer } from 'node:https';
import { parseAmount } from '../../accounting/amount.ts';
import { type Ledger, newLedger } from '../../accounting/ledger.ts';
import {
  type LedgerEvent,
  expireRows,
  handleLeaseRequest,
  noteToken,
} from '../../accounting/ledger-transitions.ts';
import {
  type ConfigurationAnswer,
  type ReadyBudget,
  configurationRequest,
} from '../../accounting/configuration-messages.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import {
  type LeaseAnswer,
  type LeaseRequest,
  type TokenAnswer,
  encodeMessage,
  leaseRequest,
  tokenRequest,
} from '../../accounting/messages.ts';
import { closeServer } from '../listen.ts';
import { emptyRound, waitingAsk } from './ledger-call.ts';
import { loopbackCertificate } from './certificate.ts';

/** What a test can make the operator do instead of answering. `lose`: books the message, but the answer is lost. */
export type Trouble = 'down' | 'lose' | undefined;

/** An operator on loopback: real ledger code behind real HTTPS, without Kubernetes. */
export interface OperatorFixture {
  readonly url: string;
  readonly ca: string;
  readonly bearer: string;
  readonly events: LedgerEvent[];
  /** Lease messages in order of arrival, repeats included. */
  readonly messages: LeaseRequest[];
  ledger(uid: string): Ledger;
  /** Publishes a configuration; polls under way are answered with it. */
  configure(budgets: ConfigurationAnswer['budgets']): void;
  /** Asked for each lease and token message. */
  trouble: (request: LeaseRequest | undefined) => Trouble;
  /** Replaces a lease answer. */
  replace: (request: LeaseRequest) => LeaseAnswer | undefined;
  sapToken: () => Promise<TokenAnswer>;
  leaseSeconds: number;
  /** How long polls were to wait, in order of arrival (s). */
  readonly patience: number[];
  /** The replica that pods are told to call. */
  home: string | undefined;
  /** The one they are told to call while that does not answer. */
  standIn: string | undefined;
  /** Gives ledger rows whose deadline has passed the time to expire. */
  expire(nowMs: number): void;
  tokensGiven: number;
  close(): Promise<void>;
}

/** The row key of the pod under test. */
const podKey = 'pod:under-test';

/** Starts an operator that knows these budgets, each with a ledger of this cap (decimal CU). */
export async function startOperator(options: {
  budgets: ConfigurationAnswer['budgets'];
  cap: string;
  sapToken: () => Promise<TokenAnswer>;
}): Promise<OperatorFixture> {
  const { cert, key } = await loopbackCertificate();
  const state = new State(options);
  const server = createServer({ cert, key }, (request, response) => {
    state.handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return state.fixture({ url: originOf(server), ca: cert, close: () => closeServer(server) });
}

class State {
  readonly #ledgers = new Map<string, Ledger>();
  readonly #cap: string;
  readonly #waiting = new Set<() => void>();
  #budgets: ConfigurationAnswer['budgets'];
  #etag = 1;
  #fixture: OperatorFixture | undefined;
  readonly #sapToken: () => Promise<TokenAnswer>;

  constructor(options: {
    budgets: ConfigurationAnswer['budgets'];
    cap: string;
    sapToken: () => Promise<TokenAnswer>;
  }) {
    this.#budgets = options.budgets;
    this.#cap = options.cap;
    this.#sapToken = options.sapToken;
  }

  fixture(server: { url: string; ca: string; close: () => Promise<void> }): OperatorFixture {
    const fixture: OperatorFixture = {
      ...server,
      bearer: 'bound-token-of-the-pod',
      events: [],
      messages: [],
      trouble: () => undefined,
      replace: () => undefined,
      sapToken: this.#sapToken,
      leaseSeconds: 60,
      home: undefined,
      standIn: undefined,
      patience: [],
      tokensGiven: 0,
      ledger: (uid) => this.#ledger(uid),
      expire: (nowMs) => {
        for (const ledger of this.#ledgers.values()) fixture.events.push(...expireRows(ledger, nowMs));
      },
      configure: (budgets) => {
        this.#budgets = budgets;
        this.#etag += 1;
        for (const wake of this.#waiting) wake();
      },
    };
    this.#fixture = fixture;
    return fixture;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fixture = this.#fixture;
    if (fixture === undefined || request.headers.authorization !== `Bearer ${fixture.bearer}`) {
      response.writeHead(401).end('{"error":{"reason":"Unauthorized","message":"token not accepted"}}');
      return;
    }
    const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'));
    const answer = await this.#answer(request.url ?? '', body, fixture);
    if (answer === undefined) response.destroy();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(encodeMessage(answer));
  }

  async #answer(path: string, body: unknown, fixture: OperatorFixture) {
    if (path === '/v1/configuration') return this.#configuration(body);
    if (path === '/v1/token') return this.#token(body, fixture);
    return this.#lease(body, fixture);
  }

  async #configuration(body: unknown): Promise<ConfigurationAnswer> {
    const { seen, home: told = '', waitSeconds } = configurationRequest.parse(body);
    this.#fixture?.patience.push(waitSeconds);
    const isAtHome = (): boolean => told === (this.#fixture?.home ?? '');
    if (seen === String(this.#etag) && isAtHome()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
    const { home, standIn } = this.#fixture ?? {};
    const answer = { schema: schemaVersion, etag: String(this.#etag), budgets: this.#budgets } as const;
    return { ...answer, ...(home !== undefined && { home }), ...(standIn !== undefined && { standIn }) };
  }

  async #token(body: unknown, fixture: OperatorFixture): Promise<TokenAnswer | undefined> {
    const { ledgerUid, incarnation } = tokenRequest.parse(body);
    if (fixture.trouble(undefined) === 'down') return undefined;
    const token = await fixture.sapToken();
    const expires = Math.ceil(Date.now() / 1000) + token.expiresInSeconds;
    if (!noteToken(this.#ledger(ledgerUid), { key: podKey, incarnation, expires })) return undefined;
    fixture.tokensGiven += 1;
    return token;
  }

  #lease(body: unknown, fixture: OperatorFixture): LeaseAnswer | undefined {
    const request = leaseRequest.parse(body);
    const trouble = fixture.trouble(request);
    if (trouble === 'down') return undefined;
    fixture.messages.push(request);
    const replaced = fixture.replace(request);
    if (replaced !== undefined) return replaced;
    const ledger = this.#ledger(request.ledgerUid);
    const granted = ledger.rows.get(podKey)?.granted ?? 0n;
    const { answer, events } = handleLeaseRequest(ledger, request, {
      key: podKey,
      name: 'team-a/under-test',
      nowMs: Date.now(),
      leaseSeconds: fixture.leaseSeconds,
      mayGrant: true,
    });
    fixture.events.push(...events);
    if (trouble === 'lose') return undefined;
    const waiting = waitingAsk(request, answer, granted);
    // There is no other pod that could be asked.
    return waiting ? { ...waiting.answer, round: { ...emptyRound, number: Date.now() } } : answer;
  }

  #ledger(uid: string): Ledger {
    const known = this.#ledgers.get(uid);
    if (known !== undefined) return known;
    const ledger = newLedger({
      budget: { namespace: 'team-a', name: 'chat' },
      period: periodOf(this.#budgets, uid),
      cap: parseAmount(this.#cap),
    });
    this.#ledgers.set(uid, ledger);
    return ledger;
  }
}

function periodOf(budgets: ConfigurationAnswer['budgets'], uid: string): ReadyBudget['ledger']['period'] {
  for (const budget of budgets)
    if (budget.state === 'ready' && budget.ledger.uid === uid) return budget.ledger.period;
  throw new RangeError(`no budget of this test has the ledger ${uid}`);
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a listener has a port');
  return `https://127.0.0.1:${address.port}`;
}
