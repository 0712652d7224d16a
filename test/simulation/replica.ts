import type { LeaseAnswer, LeaseRequest, TokenRequest } from '../../accounting/messages.ts';
import { LedgerTextError } from '../../accounting/entries-text.ts';
import { refusal } from '../../accounting/lease-answers.ts';
import { KubeError } from '../../operator/kube/kube-error.ts';
import type { Clock } from '../../operator/kube/clock.ts';
import { LedgerAccount } from '../../operator/ledger/ledger-account.ts';
import type { PageSizes } from '../../operator/ledger/page-choice.ts';
import { LedgerError } from '../../operator/ledger/ledger-error.ts';
import type { RecallNotice, RecallNotices } from '../../operator/ledger/recall-notices.ts';
import type { LedgerSnapshot } from '../../operator/ledger/ledger-snapshot.ts';
import { LedgerStore } from '../../operator/ledger/ledger-store.ts';
import type { BudgetRef } from '../../operator/configuration/budget-ref.ts';
import type { Leadership } from '../../operator/replicas/leadership.ts';
import { NotLeadingError } from '../../operator/replicas/leadership.ts';
import { startLedgers } from '../../operator/ledger/ledger-registry.ts';
import type { LeaseBook, LedgerNeed, Ledgers } from '../../operator/ledger/ledgers.ts';
import type { ApiServer, Caller } from './api-server.ts';
import type { VirtualTime } from './virtual-time.ts';

/** The budget that every world has: the root. */
export const budget = { namespace: 'team', name: 'chat' };
/** How long a granted lease lives. */
export const leaseSeconds = 300;
const expireEveryMs = 20_000;
/** Months have hours here, and every ledger is named by somebody. */
const lookEveryMs = 3_600_000;
/** Half of what a release waits beyond the end of the last token: one clock notes that end, another one looks. */
const fenceClockErrorMs = 300_000;

/** What a replica needs of the world. */
export interface Surroundings {
  readonly api: ApiServer;
  readonly time: VirtualTime;
  /** Whether there is more than one replica. */
  readonly peers: boolean;
  /** Holders are asked for what they do not use, or need not answer any more. */
  readonly notices: {
    recall: (replica: Replica, budget: BudgetRef, round: RecallNotice) => void;
    withdraw: RecallNotices['withdraw'];
  };
  readonly podIsGone: (key: string) => boolean;
  /** The budget of a ledger, as its holders name both. */
  readonly ownerOf: (ledgerUid: string) => BudgetRef;
  /** How long pages of ledgers are; absent: as in production. */
  readonly pageSizes: PageSizes | undefined;
  /** Something was thrown that no caller expects. */
  readonly onFailure: (error: unknown) => void;
}

/** One operator process after the other, in one place: the production's registry of ledgers on a clock of its own. */
export class Replica {
  readonly name: string;
  readonly #world: Surroundings;
  /** The number of the term in which it believes to lead; 0: it does not. */
  term = 0;
  readonly leadership: Leadership;
  #clockErrorMs = 0;
  /** How often its clock was set. */
  clockJumps = 0;
  paused = false;
  /** What the API server has answered while it was paused. */
  readonly deferred: (() => void)[] = [];
  #life: (Caller & { ledgers: Ledgers }) | undefined;
  #lives = 0;

  constructor(name: string, world: Surroundings) {
    this.name = name;
    this.#world = world;
    const term = (): number => this.term;
    this.leadership = {
      leads: () => term() > 0,
      get term() {
        return term();
      },
    };
  }

  get running(): boolean {
    return this.#life !== undefined && !this.paused;
  }
  get alive(): boolean {
    return this.#life !== undefined;
  }
  get life(): Caller | undefined {
    return this.#life;
  }
  /** The part of it that the fence of a release allows for: it counts on clocks that are not wrong by minutes. */
  get smallClockErrorMs(): number {
    return Math.min(fenceClockErrorMs, Math.max(-fenceClockErrorMs, this.clockErrorMs));
  }
  get nowMs(): number {
    return this.#world.time.nowMs + this.clockErrorMs;
  }
  /** By how much its clock is wrong. */
  get clockErrorMs(): number {
    return this.#clockErrorMs;
  }
  set clockErrorMs(ms: number) {
    if (ms !== this.#clockErrorMs) this.clockJumps += 1;
    this.#clockErrorMs = ms;
  }

  start(): void {
    if (this.#life) return;
    const { api, time, peers, notices, pageSizes, podIsGone } = this.#world;
    this.#lives += 1;
    const caller: Caller = { name: `${this.name}.${this.#lives}` };
    const clock: Clock = { nowMs: () => this.nowMs, after: (ms, run) => time.after(caller, ms, run) };
    const ledgers = startLedgers({
      store: new LedgerStore({ kube: api.clientFor(caller), namespace: 'operator', pageSizes }),
      leadership: this.leadership,
      hasPeers: () => peers,
      clock,
      onEvent: () => undefined,
      onChange: () => undefined,
      // Answers of the API server are lost on purpose, and the next try is part of what is simulated.
      onFailure: () => undefined,
      notices: { ...notices, recall: (below, round) => notices.recall(this, below, round) },
      exists: () => true,
      signal: new AbortController().signal,
      expireEveryMs,
      lookEveryMs,
      podIsGone: ({ key }) => Promise.resolve(podIsGone(key)),
    });
    this.#life = Object.assign(caller, { ledgers });
  }

  /** SIGKILL: nothing of it runs any more; what it has sent to the API server may still arrive there. */
  kill(): void {
    if (!this.#life) return;
    this.#world.time.forget(this.#life);
    this.#life = undefined;
    this.paused = false;
    this.term = 0;
    this.deferred.length = 0;
  }

  /** A reconcile: the leader opens or adopts the ledger and copies the cap it knows of, the others take what is there. */
  reconcile(need: LedgerNeed, onDone: (snapshot: LedgerSnapshot) => void): void {
    this.#own(async ({ ledgers }) => {
      const { signal } = new AbortController();
      const leads = this.leadership.leads();
      const snapshot = await (leads
        ? ledgers.ensureLedger(need, { signal })
        : ledgers.adoptLedger(need, { signal }));
      if (snapshot) onDone(snapshot);
    });
  }

  /** Budget gone: nothing is granted any more by this replica, until a reconcile says otherwise. */
  retire(gone: BudgetRef): void {
    this.#life?.ledgers.retire(gone);
  }

  /** The lease endpoint. `onAnswer` is not called where the caller gets an error or nothing. */
  lease(
    request: LeaseRequest,
    holder: { key: string; name: string },
    onAnswer: (answer: LeaseAnswer) => void,
  ): void {
    this.#own(async ({ ledgers }) => {
      const context = { ...holder, nowMs: this.nowMs, leaseSeconds, mayGrant: true };
      const book = await this.#find(ledgers, request.ledgerUid);
      onAnswer(book ? await book.handle(request, context) : refusal('ledger_unknown'));
    });
  }

  /** The token endpoint: when the token ends is stored before it leaves. */
  token(request: TokenRequest, holder: { key: string; endsAtMs: number }, onToken: () => void): void {
    this.#own(async ({ ledgers }) => {
      const book = await this.#find(ledgers, request.ledgerUid);
      const expires = Math.ceil(holder.endsAtMs / 1000);
      const noted = await book?.noteToken({ key: holder.key, incarnation: request.incarnation, expires });
      if (noted) onToken();
    });
  }

  /** Does something with the account of a ledger that leases are not a part of. */
  withAccount(uid: string, act: (account: LedgerAccount) => Promise<void>): void {
    this.#own(async ({ ledgers }) => {
      const book = await this.#find(ledgers, uid);
      if (book instanceof LedgerAccount) await act(book);
    });
  }

  #find(ledgers: Ledgers, uid: string): Promise<LeaseBook | undefined> {
    return ledgers.find(uid, this.#world.ownerOf(uid), { signal: new AbortController().signal });
  }

  /** Runs a call of this life; what it throws is an answer that nobody gets, if it is one of those that may be thrown. */
  #own(run: (life: { ledgers: Ledgers }) => Promise<void>): void {
    const life = this.#life;
    if (!life) return;
    run(life).catch((error: unknown) => {
      const expected =
        error instanceof LedgerError ||
        error instanceof KubeError ||
        error instanceof RangeError ||
        error instanceof NotLeadingError ||
        (error instanceof LedgerTextError && this.#world.api.pages.wereSpoiled);
      if (!expected) this.#world.onFailure(error);
    });
  }
}
