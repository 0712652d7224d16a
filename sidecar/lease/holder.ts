import type { Logger } from 'pino';
import type { NanoCu } from '../../accounting/amount.ts';
import { type Lease, type LeaseRecord, idle, newLease } from '../../accounting/lease.ts';
import type { UnknownReason } from '../../accounting/messages.ts';
import { type RequestUsage, nameUsage } from '../../accounting/metered-usage.ts';
import type { Clock } from '../clock.ts';
import { LeaseBook } from './book.ts';
import { Courier, type LastAnswer, type LeaseCall, LeaseRefused } from './courier.ts';
import { type Journal, JournalError, type Replay } from './journal.ts';
import { GrantPace } from './grant-pace.ts';
import { LeaseError } from './lease-error.ts';
import { type Move, type Wish, nextMove } from './next-move.ts';
import { type Phase, reactionTo, startPhase } from './phase.ts';
import { ReportSchedule } from './report-schedule.ts';
import { WaitingLine, type Waiter, clientGone } from './waiting-line.ts';

/** Times of a lease, in milliseconds. */
export interface LeaseTimes {
  /** How long a request waits for others to give back before it is refused. */
  readonly waitMs: number;
  /** After which time a change is reported. */
  readonly reportMs: number;
  /** After which time without traffic the idle part is returned. */
  readonly idleReturnMs: number;
}

/** A reservation that was made: exactly one of `settle` and `unknown` ends it, later calls do nothing. */
export interface Reservation {
  readonly id: string;
  readonly amount: NanoCu;
  /** The request is over and cost this much (nano-CU), more than reserved if it must be, for these tokens. */
  settle(spent: NanoCu, usage?: RequestUsage): void;
  /** The request is over and nobody knows what it cost. */
  unknown(reason: UnknownReason): void;
}

export interface LeaseHolderOptions {
  readonly budget: string;
  readonly ledgerUid: string;
  readonly journal: Journal;
  readonly replay: Replay;
  readonly call: LeaseCall;
  readonly clock: Clock;
  readonly times: LeaseTimes;
  /** A random id of 16 hex digits, new each time. */
  readonly newProcessId: () => string;
  readonly log: Logger;
  /** The process must end: another one of this pod holds the lease, or the books do not add up. */
  readonly onFatal: (error: Error) => void;
  /** The operator does not know this ledger (any more): the configuration may say more. */
  readonly onLedgerUnknown: () => void;
}

const freshMs = 1000;
const retryRefusedMs = 5000;
const askAgainMs = 25;
/** How often one asks that has waited as long as it may: what the operator says is left may be gone by then. */
const maxLateAsks = 5;

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
  readonly #ended = new AbortController();
  #phase: Phase = startPhase;
  #running: Promise<void> | undefined;
  #ask: { need: NanoCu; want: NanoCu; done: () => void; failed: (error: LeaseError) => void } | undefined;

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
    this.#schedule = new ReportSchedule({ clock, times: options.times });
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

  /** How many requests wait for a reservation. */
  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Reserves for a request before it is sent. Without any call while the lease covers it; otherwise in order of
   * arrival, after asking the operator and waiting for requests under way.
   *
   * @throws LeaseError
   */
  async reserve(id: string, wish: Wish, signal: AbortSignal): Promise<Reservation> {
    if (this.#line.length === 0 && this.#alive() && idle(this.#book.lease) >= wish.amount)
      return this.#take(id, wish.amount);
    this.#start();
    const arrivedMs = this.#options.clock.monotonicMs();
    return this.#line.join({ id, wish, signal, deadlineMs: arrivedMs + this.#options.times.waitMs });
  }

  /**
   * Takes no new requests, returns what is idle once those under way are over, and removes the journal. That of a
   * barred lease stays: a person may want to read it.
   */
  async retire(): Promise<void> {
    if (this.#running === undefined) return this.#book.remove();
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
    for (let asks = 0, lateAsks = 0; ;) {
      if (waiter.signal.aborted) throw clientGone();
      this.#refuseUnusable();
      const move = this.#nextMove(waiter);
      if (move.kind === 'reserve') return this.#take(waiter.id, move.amount);
      if (move.kind === 'refuse') throw this.#exhausted();
      if (move.kind === 'wait') {
        asks = 0;
        await this.#line.change(this.#leftMs(waiter), waiter.signal);
        continue;
      }
      // Others may be faster than we each time: not as fast as the network allows.
      if (asks > 0) await this.#line.change(Math.min(freshMs, askAgainMs * 2 ** asks), waiter.signal);
      this.#refuseUnreachable(waiter);
      if (this.#leftMs(waiter) <= 0 && ++lateAsks > maxLateAsks) throw ungranted();
      await this.#askFor(move, waiter);
      asks += 1;
    }
  }

  #leftMs({ deadlineMs }: Waiter): number {
    return deadlineMs - this.#options.clock.monotonicMs();
  }

  #nextMove({ wish, deadlineMs }: Waiter): Move {
    const nowMs = this.#options.clock.monotonicMs();
    const { last } = this.#courier;
    return nextMove(wish, {
      idle: idle(this.#book.lease),
      reserved: this.#book.lease.reserved,
      grantable: last?.figures.grantable ?? 0n,
      fresh: last !== undefined && nowMs - last.sentAtMs < freshMs,
      alive: this.#alive(),
      late: nowMs >= deadlineMs,
      requestsPerGrant: this.#pace.requestsAt(nowMs),
    });
  }

  async #askFor(ask: { need: NanoCu; want: NanoCu }, waiter: Waiter): Promise<void> {
    const limitMs = Math.max(0, this.#leftMs(waiter)) + freshMs;
    this.#pace.noteAsk(this.#options.clock.monotonicMs());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#ask = { ...ask, done: resolve, failed: reject };
    this.#schedule.wake();
    const timer = setTimeout(() => reject(silent()), limitMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#ask = undefined;
    }
  }

  #exhausted(): LeaseError {
    const { last } = this.#courier;
    if (last === undefined || !this.#alive()) return unavailable('the lease has ended and was not renewed');
    const { spent } = this.#book.lease;
    const shortage = {
      ledger: last.figures,
      unreported: spent - last.reportedSpent,
      idle: idle(this.#book.lease),
    };
    return new LeaseError('exhausted', 'the budget does not cover this request', { shortage });
  }

  #alive(): boolean {
    const { last } = this.#courier;
    return this.#phase === 'open' && last !== undefined && this.#options.clock.monotonicMs() < last.endsAtMs;
  }

  #refuseUnusable(): void {
    if (this.#phase === 'superseded' || this.#phase === 'barred' || this.#phase === 'done')
      throw unavailable('this lease is not spent any more');
    if (this.#phase === 'ledger_unknown')
      throw unavailable('the operator does not know the ledger of this lease');
  }

  /** An outage is waited for no longer than a request may wait, counted from when it began. */
  #operatorFailed(): void {
    if (this.#silentMs() >= this.#options.times.waitMs) this.#ask?.failed(silent());
  }

  /** For how long the operator owes an answer; those who are late anyway wait no longer for it. */
  #refuseUnreachable(waiter: Waiter): void {
    if (this.#silentMs() >= (this.#leftMs(waiter) <= 0 ? freshMs : this.#options.times.waitMs))
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
      this.#changePhase('open');
    }
    await this.#reportOnce(signal);
  }

  async #reportOnce(signal: AbortSignal): Promise<void> {
    const reason = await this.#schedule.next(signal, {
      lease: this.#book.lease,
      endsAtMs: this.#courier.last?.endsAtMs ?? 0,
      sentAtMs: this.#courier.last?.sentAtMs ?? 0,
      asked: () => this.#ask !== undefined,
    });
    if (reason === 'left') return this.#finish();
    if (reason === 'return') this.#returnIdle();
    const ask = this.#ask;
    this.#schedule.noteSent();
    await this.#courier.report(ask && ask.need > 0n ? { need: ask.need, want: ask.want } : undefined, signal);
    ask?.done();
    this.#line.notify();
  }

  /** The ceiling goes down before the report that tells of it leaves. */
  #returnIdle(): void {
    const amount = idle(this.#book.lease);
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
    if (phase !== 'reopening') this.#ask?.failed(unavailable(refusal.message));
  }

  #finish(): void {
    this.#changePhase('done');
  }

  #changePhase(phase: Phase): void {
    this.#phase = phase;
    this.#line.notify();
  }
}

function silent(): LeaseError {
  return unavailable('the operator cannot be reached, and the lease it gave does not cover this request');
}

function ungranted(): LeaseError {
  return unavailable('the operator does not grant what it says is left');
}

function unavailable(message: string): LeaseError {
  return new LeaseError('lease_unavailable', message);
}
