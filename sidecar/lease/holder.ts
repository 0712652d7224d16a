import type { NanoCu } from '../../accounting/amount.ts';
import { type Lease, type LeaseRecord, idle, newLease } from '../../accounting/lease.ts';
import type { Ask, RecallRound } from '../../accounting/messages.ts';
import { nameUsage } from '../../accounting/metered-usage.ts';
import { AskSlot } from './ask-slot.ts';
import { LeaseBook } from './book.ts';
import { Courier, type LastAnswer, LeaseRefused, freshMs } from './courier.ts';
import { describeRound } from './describe-round.ts';
import { JournalError } from './journal.ts';
import { GrantPace } from './grant-pace.ts';
import type { LeaseHolderOptions, Reservation } from './holder-options.ts';
import { LeaseError, type RoundReport } from './lease-error.ts';
import { retired, silent, unavailable, ungranted } from './refusals.ts';
import { type Move, type Wish, nextMove } from './next-move.ts';
import { type Phase, reactionTo, startPhase } from './phase.ts';
import { Patience } from './patience.ts';
import { type ReportState, ReportSchedule } from './report-schedule.ts';
import { WaitingLine, type Waiter, clientGone } from './waiting-line.ts';

const retryRefusedMs = 5000;
/** The operator lets a request wait two seconds for a round; beyond that its answer is late. */
const roundAnswerMs = 3000;

/**
 * Holds one budget's lease for one period: reserves from what it has, asks the operator for more when that does
 * not suffice, and reports what requests cost.
 */
export class LeaseHolder {
  readonly #options: LeaseHolderOptions;
  readonly #book: LeaseBook;
  readonly #courier: Courier;
  readonly #line: WaitingLine;
  readonly #schedule: ReportSchedule;
  readonly #pace = new GrantPace();
  readonly #asks = new AskSlot();
  readonly #ended = new AbortController();
  #phase: Phase = startPhase;
  #retiring = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaseHolderOptions) {
    const { budget, ledgerUid, journal, replay, call, clock, log } = options;
    const lease = replay.state === 'whole' ? replay.lease : newLease({ budget, ledgerUid, processId: '' });
    this.#options = options;
    this.#book = new LeaseBook({ lease, journal, log });
    this.#courier = new Courier({
      book: this.#book,
      call,
      clock,
      log,
      onFailure: () => this.#operatorFailed(),
    });
    this.#line = new WaitingLine((waiter) => this.#serve(waiter));
    this.#schedule = new ReportSchedule({ clock, times: options.times, random: options.random });
    if (replay.state === 'whole') this.#start();
  }

  get ledgerUid(): string {
    return this.#options.ledgerUid;
  }

  /** The lease as it is now, not to be changed. */
  get lease(): Readonly<Lease> {
    return this.#book.lease;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** What the operator said last; undefined before the first answer. */
  get last(): LastAnswer | undefined {
    return this.#courier.last;
  }

  /** The last recall round that a request of this lease waited for; undefined before the first. */
  get lastRound(): RoundReport | undefined {
    return describeRound(this.#courier.round, this.#options.clock);
  }

  /** How many requests wait for a reservation. */
  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Reserves for a request before it is sent. Without any call while the lease covers it; otherwise in order of
   * arrival, after asking the operator, who asks other holders, and waiting for requests under way.
   *
   * @throws LeaseError
   */
  async reserve(id: string, wish: Wish, signal: AbortSignal): Promise<Reservation> {
    if (this.#line.length === 0 && this.#mayTake(wish.amount)) return this.#take(id, wish.amount);
    this.#start();
    const arrivedMs = this.#options.clock.monotonicMs();
    return this.#line.join({ id, wish, signal, deadlineMs: arrivedMs + this.#options.times.waitMs });
  }

  /** Other holders need what this one does not use: it is returned at once, in a report that answers the round. */
  recall(round: number): void {
    this.#schedule.recall(round);
  }

  /**
   * Takes no new requests and refuses those that wait, returns what is idle once those under way are over, and removes the journal. That of a
   * barred lease stays: a person may want to read it.
   */
  async retire(): Promise<void> {
    this.#retiring = true;
    if (this.#running === undefined) return this.#book.remove();
    this.#asks.fail(retired());
    this.#line.notify();
    this.#schedule.leave();
    await this.#running;
    if (this.#phase === 'done') this.#book.remove();
    else this.#book.close();
  }

  /** As `retire`, but keeps the journal and gives up when the signal says so. */
  async close(signal: AbortSignal): Promise<void> {
    this.#schedule.leave();
    const giveUp = () => this.#ended.abort(new Error('closing'));
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    await this.#running;
    this.#line.refuseAll(new LeaseError('lease_unavailable', 'the sidecar is shutting down'));
    this.#book.close();
  }

  #take(id: string, amount: NanoCu): Reservation {
    try {
      this.#book.write({ type: 'reserve', id, amount, atMs: this.#options.clock.wallMs() });
    } catch (cause) {
      if (!(cause instanceof JournalError)) throw cause;
      throw new LeaseError('journal_unavailable', 'a reservation cannot be written to the journal', {
        cause,
      });
    }
    this.#schedule.noteTraffic();
    let open = true;
    const end = (record: LeaseRecord) => {
      if (!open) return;
      open = false;
      this.#book.writeFact(record);
      this.#schedule.noteChange();
      this.#line.notify();
    };
    return {
      id,
      amount,
      settle: (spent, usage) => end({ type: 'settle', id, spent, ...(usage && { usage: nameUsage(usage) }) }),
      unknown: (reason) => end({ type: 'unknown', id, reason, atMs: this.#options.clock.wallMs() }),
    };
  }

  /** Steps of the request that is first in line. */
  async #serve(waiter: Waiter): Promise<Reservation> {
    const patience = new Patience();
    for (;;) {
      if (waiter.signal.aborted) throw clientGone();
      this.#refuseUnusable();
      const move = this.#nextMove(waiter, patience);
      if (move.kind === 'reserve') return this.#take(waiter.id, move.amount);
      if (move.kind === 'refuse') throw this.#exhausted();
      if (move.kind === 'wait') {
        patience.noteWaited();
        await this.#line.change(this.#leftMs(waiter), waiter.signal);
      } else await this.#askPatiently(move, { waiter, patience });
    }
  }

  async #askPatiently(
    { need, want, least }: Extract<Move, { kind: 'ask' }>,
    { waiter, patience }: { waiter: Waiter; patience: Patience },
  ): Promise<void> {
    if (patience.pauseMs > 0) await this.#line.change(patience.pauseMs, waiter.signal);
    this.#refuseUnreachable(waiter);
    if (!patience.mayAsk(this.#leftMs(waiter) <= 0)) throw ungranted();
    const waits = least !== undefined;
    if (waits) this.#schedule.noteShort();
    const round = await this.#askFor({ need, want, ...(waits && { least }) }, waiter);
    patience.noteAnswered({ waits, round });
  }

  #leftMs({ deadlineMs }: Waiter): number {
    return deadlineMs - this.#options.clock.monotonicMs();
  }

  #nextMove({ wish, deadlineMs }: Waiter, patience: Patience): Move {
    const nowMs = this.#options.clock.monotonicMs();
    const { last, round } = this.#courier;
    return nextMove(wish, {
      idle: idle(this.#book.lease),
      reserved: this.#book.lease.reserved,
      grantable: last?.figures.grantable ?? 0n,
      overdrawn: last?.overdrawn ?? 0n,
      contested: this.#schedule.contested,
      recalled: patience.recalled || (round !== undefined && nowMs - round.beganAtMs < freshMs),
      fresh: this.#courier.isFresh(nowMs),
      alive: this.#alive(),
      late: nowMs >= deadlineMs,
      requestsPerGrant: this.#pace.requestsAt(nowMs),
    });
  }

  /** Until the operator has answered, or what is idle has become enough. */
  #askFor(ask: Ask, waiter: Waiter): Promise<RecallRound | undefined> {
    const limitMs = Math.max(0, this.#leftMs(waiter)) + (ask.least === undefined ? freshMs : roundAnswerMs);
    this.#pace.noteAsk(this.#options.clock.monotonicMs());
    const onStart = (end: () => void) => {
      this.#schedule.wake();
      return this.#line.watch(() => {
        if (this.#mayTake(waiter.wish.amount)) end();
      });
    };
    return this.#asks.run(ask, { limitMs, onStart });
  }

  #exhausted(): LeaseError {
    const { last } = this.#courier;
    const round = this.lastRound;
    if (last === undefined || round === undefined || !this.#alive())
      return unavailable('the lease has ended and was not renewed');
    const { spent } = this.#book.lease;
    const shortage = {
      ledger: last.figures,
      unreported: spent - last.reportedSpent,
      idle: idle(this.#book.lease),
      overdrawn: last.overdrawn,
      round,
    };
    return new LeaseError('exhausted', 'the budget does not cover this request', { shortage });
  }

  #alive(): boolean {
    const { last } = this.#courier;
    return this.#phase === 'open' && last !== undefined && this.#options.clock.monotonicMs() < last.endsAtMs;
  }

  /** Whether a request of that cost may be served from what is idle. */
  #mayTake(amount: NanoCu): boolean {
    return this.#alive() && this.#courier.last?.overdrawn === 0n && idle(this.#book.lease) >= amount;
  }

  /** What is idle, less what the request that is first in line is about to take. */
  #returnable(): NanoCu {
    const rest = idle(this.#book.lease);
    const first = this.#line.first?.wish.amount;
    return first !== undefined && this.#mayTake(first) ? rest - first : rest;
  }

  #refuseUnusable(): void {
    if (this.#retiring) throw retired();
    if (this.#phase === 'superseded' || this.#phase === 'barred' || this.#phase === 'done')
      throw unavailable('this lease is not spent any more');
    if (this.#phase === 'ledger_unknown')
      throw unavailable('the operator does not know the ledger of this lease');
  }

  /** An outage is waited for no longer than a request may wait, counted from when it began. */
  #operatorFailed(): void {
    if (this.#silentMs() >= this.#options.times.waitMs) this.#asks.fail(silent());
  }

  /** For how long the operator owes an answer; those who are late anyway wait no longer for it. */
  #refuseUnreachable(waiter: Waiter): void {
    if (this.#silentMs() >= (this.#leftMs(waiter) <= 0 ? roundAnswerMs : this.#options.times.waitMs))
      throw silent();
  }

  #silentMs(): number {
    const { waitingSinceMs } = this.#courier;
    return waitingSinceMs === undefined ? 0 : this.#options.clock.monotonicMs() - waitingSinceMs;
  }

  #start(): void {
    this.#running ??= this.#run(this.#ended.signal).catch((error: unknown) => {
      this.#changePhase('barred');
      this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#phase !== 'done') {
      try {
        await this.#step(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LeaseRefused)) throw error;
        this.#refused(error);
      }
      if (this.#phase === 'superseded') return;
      if (this.#phase === 'barred') return this.#schedule.sleepUntilLeaving(signal);
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { budget, ledgerUid, newProcessId } = this.#options;
    if (this.#phase === 'ledger_unknown') await this.#schedule.sleep(retryRefusedMs, signal);
    if (this.#phase !== 'open') {
      // A process is followed only once none of its requests is under way.
      while (this.#phase !== 'opening' && !signal.aborted && this.#book.lease.reservations.size > 0)
        await this.#line.change(retryRefusedMs, signal);
      await this.#courier.open({ budget, ledgerUid, processId: newProcessId() }, signal);
      // Figures went with the message; usage that an earlier process had not told goes with a report.
      if (this.#book.lease.usage.size > 0) this.#schedule.noteChange();
      this.#changePhase('open');
    }
    await this.#reportOnce(signal);
  }

  async #reportOnce(signal: AbortSignal): Promise<void> {
    const reason = await this.#schedule.next(signal, this.#reportState());
    if (reason === 'left') return this.#finish();
    const recall = this.#schedule.takeRecall();
    const { pending } = this.#asks;
    const waits = pending?.ask.least !== undefined;
    if (recall !== undefined || reason === 'return' || waits) this.#returnIdle();
    this.#schedule.noteSent();
    // What a recall takes is missing to who asked for the rest: it has to ask for more.
    const ask = recall === undefined || waits ? pending?.ask : undefined;
    const round = await this.#courier.report({ ask, recall }, signal);
    pending?.done(round);
    this.#line.notify();
  }

  #reportState(): ReportState {
    const { last } = this.#courier;
    return {
      lease: this.#book.lease,
      endsAtMs: last?.endsAtMs ?? 0,
      sentAtMs: last?.sentAtMs ?? 0,
      asked: () => this.#asks.pending !== undefined,
      overdrawn: last !== undefined && last.overdrawn > 0n,
      returnable: () => this.#returnable(),
    };
  }

  /** The ceiling goes down before the report that tells of it leaves. */
  #returnIdle(): void {
    const amount = this.#returnable();
    if (amount > 0n) this.#book.writeFact({ type: 'return', amount });
  }

  #refused(refusal: LeaseRefused): void {
    const { log, onFatal, onLedgerUnknown } = this.#options;
    const phase = reactionTo(refusal.reason);
    log[phase === 'reopening' ? 'warn' : 'error'](
      { reason: refusal.reason, detail: refusal.message },
      'operator refused the lease message',
    );
    this.#changePhase(phase);
    if (phase === 'superseded') onFatal(refusal);
    if (phase === 'ledger_unknown') onLedgerUnknown();
    if (phase !== 'reopening') this.#asks.fail(unavailable(refusal.message));
  }

  #finish(): void {
    this.#changePhase('done');
  }

  #changePhase(phase: Phase): void {
    this.#phase = phase;
    this.#line.notify();
  }
}
