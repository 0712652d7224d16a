import type { NanoCu } from '../../accounting/amount.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { type MessageContext, mayGrant } from '../../accounting/message-context.ts';
import { grantWaiters } from '../../accounting/ledger-waiting.ts';
import { nextSteps } from '../../accounting/recall-steps.ts';
import {
  type NotedReport,
  type RoundFacts,
  type Waiter,
  bearsOut,
  join,
  leave,
  newRecall,
  noteHeard,
  noteLost,
  noteReport,
  refusedAtOnce,
  roundForNobody,
  served,
  setAside,
  wantAll,
} from '../../accounting/recall.ts';
import type { Clock } from '../kube/clock.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { RecallNotice, RecallNotices } from './recall-notices.ts';

/** Longest wait for a round of one ledger. */
const longestWaitMs = 2000;
/** Between two tries to grant those who wait, if the last one granted nothing. */
const serveAgainMs = 50;

/** A booked ask that was not granted, for a request that waits. */
export interface WaitingAsk {
  waiter: Waiter;
  /** A smaller grant would not help. */
  least: NanoCu;
  context: MessageContext;
  /** It is given up then (ms). */
  untilMs: number;
  /** Fires when nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

interface Place {
  context: MessageContext;
  resolve: (round: RoundFacts | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * Who waits for the budget of one ledger, and the recall rounds for them. In memory alone: when this process ends, those
 * who wait ask again, here or elsewhere.
 */
export class RecallRounds {
  readonly #writer: LedgerWriter;
  readonly #clock: Clock;
  readonly #notices: RecallNotices;
  readonly #askBelow: (round: RecallNotice) => void;
  readonly #recall = newRecall();
  readonly #places = new Map<string, Place>();
  /** Holders that are told of the round under way. */
  readonly #told = new Set<string>();
  /** Told when all holders were asked. */
  #wanting: (() => void)[] = [];
  #cancel: (() => void) | undefined;
  #ended = false;

  constructor(options: {
    writer: LedgerWriter;
    clock: Clock;
    notices: RecallNotices;
    /** Asks those holders that are ledgers; must not throw. */
    askBelow: (round: RecallNotice) => void;
  }) {
    this.#writer = options.writer;
    this.#clock = options.clock;
    this.#notices = options.notices;
    this.#askBelow = options.askBelow;
  }

  /** What others wait for, and is not for this holder (nano-CU). */
  setAside(key: string): NanoCu {
    return setAside(this.#recall, key);
  }

  /** A report that answers a round has arrived. */
  noteHeard(key: string, number: number): void {
    noteHeard(this.#recall, { key, number });
  }

  /** It could not be stored. */
  noteLost(key: string): void {
    noteLost(this.#recall, { key, nowMs: this.#clock.nowMs() });
    this.look();
  }

  /** A report is stored. `waits`: its ask will wait, in the place of one from before; otherwise that one waits no longer. */
  noteReport({ waits = true, ...report }: NotedReport & { waits?: boolean }): void {
    noteReport(this.#recall, report);
    if (report.number !== undefined) this.#withdraw([report.key]);
    if (!waits) this.#leave(report.key);
    this.look();
  }

  /** Whether a round bears a refusal out by what others have stored meanwhile. */
  bearsOut(ledger: Ledger, refusal: { round: RoundFacts; key: string; least: NanoCu }): boolean {
    return bearsOut(this.#recall, ledger, refusal);
  }

  /**
   * Waits until the ask is granted, and that is stored, or a round has ended for it; undefined also when neither was
   * so in time. What came of it is in the ledger.
   *
   * @throws what storing the grant throws
   */
  async wait({ waiter, least, context, untilMs, signal }: WaitingAsk): Promise<RoundFacts | undefined> {
    const { key, need } = waiter;
    const { ledger } = this.#writer.stored;
    const nowMs = this.#clock.nowMs();
    if (!mayGrant(ledger, { ...context, nowMs })) return roundForNobody(this.#recall, nowMs);
    const round = refusedAtOnce(this.#recall, ledger, { key, need, least, nowMs });
    if (round !== undefined || signal?.aborted || this.#ended) return round;
    this.#answer(key, undefined);
    join(this.#recall, waiter);
    const { promise, resolve, reject } = Promise.withResolvers<RoundFacts | undefined>();
    this.#places.set(key, { context, resolve, reject });
    const giveUp = () => this.#leave(key);
    const cancel = this.#clock.after(Math.min(longestWaitMs, Math.max(0, untilMs - nowMs)), giveUp);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.look();
    try {
      return await promise;
    } finally {
      cancel();
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** A holder that is a ledger has given back what it could. */
  noteAnswered(key: string, number: number): void {
    this.noteReport({ key, returned: 0n, number });
  }

  /** Has all holders give back what they do not use; resolves when they have, or were silent. */
  recallAll(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    wantAll(this.#recall);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wanting.push(resolve);
    this.look();
    return promise;
  }

  /** Takes the next steps, whatever has happened. */
  look(): void {
    if (this.#ended) return;
    this.#cancel?.();
    this.#cancel = undefined;
    const nowMs = this.#clock.nowMs();
    const { ledger } = this.#writer.stored;
    const steps = nextSteps(this.#recall, ledger, nowMs);
    const { round } = this.#recall;
    if (round === undefined) this.#withdraw([...this.#told]);
    else if (steps.notify.length > 0) this.#tell(round.number, steps.notify);
    for (const { waiter, round: facts } of steps.refused) this.#answer(waiter.key, facts);
    if (!this.#recall.allWanted) for (const done of this.#wanting.splice(0)) done();
    if (steps.serve.length > 0) void this.#serve(steps.serve);
    if (steps.wakeAtMs !== undefined)
      this.#cancel = this.#clock.after(Math.max(0, steps.wakeAtMs - nowMs), () => this.look());
  }

  /** Nobody waits here any more, and nobody is asked. */
  end(): void {
    this.#ended = true;
    this.#cancel?.();
    for (const done of this.#wanting.splice(0)) done();
    this.#withdraw([...this.#told]);
    for (const key of this.#places.keys()) this.#leave(key);
  }

  #tell(number: number, keys: readonly string[]): void {
    for (const key of keys) this.#told.add(key);
    // Who waits has one message under way: it asks again, and gives back what has become idle, once that is answered.
    for (const key of keys) this.#answer(key, undefined);
    this.#notices.recall(this.#writer.stored.ledger.budget, { number, keys });
    this.#askBelow({ number, keys });
  }

  #withdraw(keys: readonly string[]): void {
    const told = keys.filter((key) => this.#told.delete(key));
    if (told.length > 0) this.#notices.withdraw(this.#writer.stored.ledger.budget, told);
  }

  async #serve(waiters: readonly Waiter[]): Promise<void> {
    const tried = waiters.map(({ key }) => key);
    // Who was sent back to ask again finds there what is free.
    for (const key of tried) if (!this.#places.has(key)) leave(this.#recall, key);
    const grants = waiters.flatMap((waiter) => {
      const place = this.#places.get(waiter.key);
      return place ? [{ ...waiter, context: place.context }] : [];
    });
    try {
      const nowMs = this.#clock.nowMs();
      const granted = await this.#writer.submit((ledger) => {
        const { seq } = ledger;
        const result = grantWaiters(ledger, grants, nowMs);
        return { result, mustBeStored: ledger.seq === seq };
      });
      served(this.#recall, { tried, granted });
      for (const key of granted) this.#answer(key, undefined);
      if (granted.length === 0) return this.#lookLater();
    } catch (error) {
      served(this.#recall, { tried, granted: tried });
      for (const key of tried) this.#fail(key, error);
    }
    this.look();
  }

  /** There seemed to be enough, and nobody could be granted: trying again at once would be a busy loop. */
  #lookLater(): void {
    if (this.#ended) return;
    this.#cancel?.();
    this.#cancel = this.#clock.after(serveAgainMs, () => this.look());
  }

  #leave(key: string): void {
    leave(this.#recall, key);
    this.#answer(key, undefined);
    this.look();
  }

  #answer(key: string, round: RoundFacts | undefined): void {
    const place = this.#places.get(key);
    this.#places.delete(key);
    place?.resolve(round);
  }

  #fail(key: string, error: unknown): void {
    const place = this.#places.get(key);
    this.#places.delete(key);
    place?.reject(error);
  }
}
