import type { NanoCu } from '../../accounting/amount.ts';
import { ledgerKey } from '../../accounting/ledger.ts';
import type { Ledger, LedgerRow } from '../../accounting/ledger.ts';
import type { MessageContext } from '../../accounting/message-context.ts';
import type { Ask, LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import {
  isForgotten,
  isTold,
  openInParent,
  parentIdle,
  reportToParent,
  returnToParent,
  takeParentAnswer,
  withinCap,
} from '../../accounting/parent-lease.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { budgetKey } from '../configuration/budget-ref.ts';
import { type Clock, pause } from '../kube/clock.ts';
import { AskSize } from './ask-size.ts';
import { IdleWatch } from './idle-watch.ts';
import { LedgerError } from './ledger-error.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { Upkeep } from './upkeep.ts';

/** The parent's ledger, as a ledger below it uses it. */
export interface ParentBook {
  handle(request: LeaseRequest, context: MessageContext): Promise<LeaseAnswer>;
  row(key: string): Readonly<LedgerRow> | undefined;
  /** The row of a ledger's former object becomes that of the one restored in its place (`takeOverRow`). */
  takeOver(key: string, below: Ledger): Promise<boolean>;
  /** What it could grant to this holder, as far as it is known here. */
  grantableTo(key: string): NanoCu;
}

/** What a ledger's side towards its parent needs. */
export interface ParentSideOptions {
  writer: Pick<LedgerWriter, 'stored' | 'submit'>;
  /** The ledger of that uid; undefined where there is none. */
  find: (uid: string, budget: BudgetRef) => Promise<ParentBook | undefined>;
  clock: Clock;
  /** Whether anything may be granted to pods here: otherwise nothing is asked for, and all that is idle goes back. */
  mayGrant: () => boolean;
  /** Told of what failed without anybody waiting for it. */
  onFailure: (upkeep: Upkeep, error: unknown) => void;
}

/** For so long after it was recalled, what becomes idle goes back at once. */
const recalledMs = 2000;
/** Exchanges that one need may take: its own, one that came too late, and those of others it waits for. */
const maxTurns = 8;
/** Of the time that an answer may take, each level keeps so much to store what comes from above. */
const levelMs = 250;
/** In the parent, for the size of shares: whether a holder is there. */
const leaseSeconds = 300;

/** How long a need may wait for the parent. */
interface Limits {
  /** For a request that waits: a round is held in the parent. */
  waits?: boolean;
  /** By when it is over (ms). */
  untilMs: number;
}

/** What a holder needs of the parent. */
interface ParentAsk extends Limits {
  key: string;
  need: NanoCu;
}

interface Need {
  readonly need: NanoCu;
  /** The parent can give no more: a round there has ended, or nothing it gave would help. */
  isDecided: boolean;
}

/** The side of a ledger towards the one it is a holder in: asks, reports and gives back, one message at a time. */
export class ParentSide {
  readonly #options: ParentSideOptions;
  /** What pods wait for, in order of arrival. */
  readonly #needs = new Set<Need>();
  #turn: Promise<void> | undefined;
  /** What waits for its turn to tell. */
  #nextTell: Promise<void> | undefined;
  /** Granted by the parent, and not stored here yet. */
  #coming = 0n;
  /** The last answer, on its way into the store. */
  #taking: Promise<void> = Promise.resolve();
  readonly #size: AskSize;
  readonly #idle = new IdleWatch();
  #recalledUntilMs = Number.NEGATIVE_INFINITY;
  #found: ParentBook | undefined;
  #problem: LedgerError | undefined;

  constructor(options: ParentSideOptions) {
    this.#options = options;
    this.#size = new AskSize(options.clock);
  }

  /**
   * Runs what grants `need` to a holder, once the parent has given enough for it or has said that it cannot, or the time is
   * over; `waits`: after a recall round among the parent's holders. It is told whether the parent can give no more.
   */
  async with<T>({ key, need, ...limits }: ParentAsk, run: (isDecided: boolean) => Promise<T>): Promise<T> {
    if (need === 0n) return run(true);
    const isPossible = withinCap(this.#ledger, key) >= need;
    const own: Need = { need, isDecided: !isPossible };
    const prepare = isPossible ? this.#coverNext(own, limits) : this.#book();
    try {
      // What a message tells is booked also where its ask must fail.
      await prepare.catch((error: unknown) => run(false).then(() => Promise.reject(error)));
      return await run(own.isDecided);
    } finally {
      this.#needs.delete(own);
    }
  }

  /** Why the parent books nothing of this ledger any more, until somebody has put it right; undefined while all is well. */
  get problem(): LedgerError | undefined {
    return this.#problem;
  }

  /** What the parent could add now. */
  get grantable(): NanoCu {
    const amount = this.#found?.grantableTo(this.#key) ?? 0n;
    return amount > 0n ? amount : 0n;
  }

  /** What can still be had of the parent, and is not used here; undefined until it was asked. */
  get left(): NanoCu | undefined {
    if (this.#found === undefined) return undefined;
    const idle = parentIdle(this.#ledger);
    return this.grantable + (idle > 0n ? idle : 0n);
  }

  /** Brings the parent up to date with what is stored by now, and gives back what is not used. */
  tell(): Promise<void> {
    // One that has not begun yet tells that, too.
    this.#nextTell ??= this.#tellInTurn();
    return this.#nextTell;
  }

  async #tellInTurn(): Promise<void> {
    do await this.#turnEnd();
    while (this.#turn !== undefined);
    this.#nextTell = undefined;
    await this.#takeTurn(() => this.#tellNow());
  }

  async #tellNow(): Promise<void> {
    await this.#giveBack(this.#unneeded());
    const book = await this.#book();
    if (isTold(this.#ledger, book.row(this.#key))) this.#problem = undefined;
    else await this.#send();
  }

  /** What is idle goes back now, and what becomes idle in the next moments as soon as it is. */
  async recall(): Promise<void> {
    this.#recalledUntilMs = this.#options.clock.nowMs() + recalledMs;
    await this.tell();
  }

  /** Whether the parent wants back what becomes idle. */
  get isRecalled(): boolean {
    return this.#options.clock.nowMs() < this.#recalledUntilMs;
  }

  get #ledger(): Ledger {
    return this.#options.writer.stored.ledger;
  }
  get #key(): string {
    return ledgerKey(this.#options.writer.stored.uid);
  }

  #coverNext(own: Need, limits: Limits): Promise<void> {
    this.#needs.add(own);
    return this.#cover(own, limits);
  }

  async #cover(own: Need, { waits = false, untilMs }: Limits): Promise<void> {
    let asked = 0;
    for (let turn = 0; turn < maxTurns && this.#hasTime(untilMs); turn += 1) {
      const missing = this.#missingFor(own);
      if (missing <= 0n || asked === 2) return;
      if (this.#turn === undefined) {
        asked += 1;
        await this.#takeTurn(() => (waits ? this.#askAll(own, untilMs) : this.#askMore(missing)));
      } else await this.#turnEndBy(untilMs);
    }
  }

  /** The answer must come back and be stored here in time. */
  #hasTime(untilMs: number): boolean {
    return this.#options.clock.nowMs() < untilMs - levelMs;
  }

  async #askMore(missing: NanoCu): Promise<void> {
    const useful = withinCap(this.#ledger, '') - parentIdle(this.#ledger);
    await this.#send({ need: missing, want: this.#size.next(missing, useful) });
  }

  /** Asks for all that is needed, and gives up what is idle in the same message: nobody who waits is asked for it. */
  async #askAll(own: Need, untilMs: number): Promise<void> {
    await this.#giveBack(parentIdle(this.#ledger));
    const missing = this.#missingFor(own);
    if (missing <= 0n) return;
    const ask = { need: missing, want: missing, least: missing };
    const answer = await this.#send(ask, untilMs - levelMs);
    own.isDecided = answer.kind === 'reported' && answer.round !== undefined;
  }

  async #giveBack(amount: NanoCu): Promise<void> {
    if (amount <= 0n) return;
    await this.#options.writer.submit((ledger) => ({ result: returnToParent(ledger, amount) }));
  }

  /** Those who came before are served first. */
  #missingFor(own: Need): NanoCu {
    let sum = 0n;
    for (const one of this.#needs) {
      sum += one.need;
      if (one === own) break;
    }
    return sum - (parentIdle(this.#ledger) + this.#coming);
  }

  /** Until the message under way has been answered; why it was not, whoever sent it is told. */
  async #turnEnd(): Promise<void> {
    await this.#turn?.catch(() => undefined);
  }

  async #turnEndBy(untilMs: number): Promise<void> {
    const { clock } = this.#options;
    const timer = new AbortController();
    await Promise.race([this.#turnEnd(), pause(clock, untilMs - levelMs - clock.nowMs(), timer.signal)]);
    timer.abort();
  }

  /** Two messages at once would have one number, and only one of them be booked. */
  #takeTurn(run: () => Promise<void>): Promise<void> {
    const turn = run().finally(() => (this.#turn = undefined));
    this.#turn = turn;
    return turn;
  }

  /** One message and its answer; what it says is on its way into the store when this resolves. */
  async #send(ask?: Ask, answerByMs?: number): Promise<Told> {
    const book = await this.#book();
    // A number that was used already would get nothing.
    await this.#taking;
    await this.#takeOverRow(book);
    if (this.#ledger.parent?.incarnation === 0) await this.#take(await this.#handled(book, openInParent));
    const answer = await this.#handled(book, (ledger) => reportToParent(ledger, ask), answerByMs);
    const coming = answer.row.granted - (this.#ledger.parent?.granted ?? 0n);
    this.#coming += coming;
    // Those who wait submit their grants behind it: one write stores both.
    this.#taking = this.#take(answer)
      .catch((error: unknown) => this.#options.onFailure('take_parent_answer', error))
      .finally(() => (this.#coming -= coming));
    return answer;
  }

  async #handled(
    book: ParentBook,
    compose: (ledger: Ledger) => LeaseRequest | undefined,
    answerByMs?: number,
  ): Promise<Told> {
    const request = compose(this.#ledger);
    if (request === undefined) throw new TypeError('only a ledger with a parent reports to it');
    const { clock, writer, mayGrant } = this.#options;
    const context = {
      key: this.#key,
      name: budgetKey(writer.stored.ledger.budget),
      nowMs: clock.nowMs(),
      leaseSeconds,
      mayGrant: mayGrant(),
      ...(answerByMs !== undefined && { answerByMs }),
    };
    const answer = await book.handle(request, context);
    this.#problem = this.#whyNot(answer);
    if (this.#problem !== undefined || answer.kind === 'refused') throw this.#problem;
    return answer;
  }

  #whyNot(answer: LeaseAnswer): LedgerError | undefined {
    if (answer.kind === 'refused') return forgotten(answer.message);
    if (!isForgotten(this.#ledger, answer)) return undefined;
    return forgotten('it has granted less than this ledger was told');
  }

  /** A ledger that was restored has another uid than its row. */
  async #takeOverRow(book: ParentBook): Promise<void> {
    if (this.#ledger.parent?.incarnation === 0 || book.row(this.#key) !== undefined) return;
    if (await book.takeOver(this.#key, this.#ledger)) return;
    const { name } = this.#options.writer.stored;
    this.#problem = new LedgerError('lost', restoredTooOld(name));
    throw this.#problem;
  }

  #take(answer: Told): Promise<void> {
    return this.#options.writer.submit((ledger) => ({ result: takeParentAnswer(ledger, answer) }));
  }

  async #book(): Promise<ParentBook> {
    const { parent } = this.#ledger;
    const book = parent && (await this.#options.find(parent.ledgerUid, parent.budget));
    if (book === undefined) throw forgotten('it is gone');
    this.#found = book;
    return book;
  }

  /** What goes back now: all that is idle where it is wanted or of no use here, else what was idle for a while. */
  #unneeded(): NanoCu {
    const idle = parentIdle(this.#ledger);
    const nowMs = this.#options.clock.nowMs();
    if (this.isRecalled || !this.#options.mayGrant()) return this.#needs.size > 0 ? 0n : idle;
    return this.#idle.unused(idle, nowMs);
  }
}

type Told = Exclude<LeaseAnswer, { kind: 'refused' }>;

function forgotten(what: string): LedgerError {
  return new LedgerError(
    'lost',
    `the ledger of the parent does not know of this one as it should: ${what}. Restore the parent's SapAiLedger from a newer backup`,
  );
}

function restoredTooOld(name: string): string {
  return `the ledger of the parent knows more of the budget than its SapAiLedger ${name}, or nothing, or has several rows that may be its: restore a newer backup of it, or delete it and approve to go on without it, by which what was seen of it is held`;
}
