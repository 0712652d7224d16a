import type { Logger } from 'pino';
import {
  type Lease,
  answerRecord,
  openRequest,
  orphanRecords,
  reportRequest,
  sentRecord,
} from '../../accounting/lease.ts';
import type {
  RowFigures,
  LeaseAnswer,
  LeaseRefusalReason,
  LeaseRequest,
  LedgerFigures,
} from '../../accounting/messages.ts';
import type { NanoCu } from '../../accounting/amount.ts';
import type { Clock } from '../clock.ts';
import { pause } from '../pause.ts';
import type { LeaseBook } from './book.ts';

/** Carries one message to the operator and its answer back; throws when there is none. */
export type LeaseCall = (request: LeaseRequest, signal: AbortSignal) => Promise<LeaseAnswer>;

/** The operator will not go on with this lease as it is. */
export class LeaseRefused extends Error {
  override readonly name = 'LeaseRefused';
  readonly reason: LeaseRefusalReason;

  constructor(reason: LeaseRefusalReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What the operator said last; times are monotonic ms. */
export interface LastAnswer {
  readonly figures: LedgerFigures;
  /** When the message it answers was sent. */
  readonly sentAtMs: number;
  /** When the lease ends, counted from sending. */
  readonly endsAtMs: number;
  /** `spent` as that message reported it. */
  readonly reportedSpent: NanoCu;
  /** `returned` as that message reported it: what was returned since is missing in the figures. */
  readonly reportedReturned: NanoCu;
  /** What other holders have neither used nor given back. */
  readonly othersHold: NanoCu;
  /** By how much spent, reserved and held together pass the cap; 0 while they do not. */
  readonly overdrawn: NanoCu;
}

/** For so long (ms) after they were asked for, figures may be refused by. */
export const freshMs = 1000;
const firstBackOffMs = 100;
const maxBackOffMs = 5000;

/** Brings `open` and reports to the operator, one at a time, each repeated unchanged until it is answered. */
export class Courier {
  last: LastAnswer | undefined;
  /** Since when (monotonic ms) the operator owes an answer; undefined while it owes none. */
  waitingSinceMs: number | undefined;

  readonly #book: LeaseBook;
  readonly #call: LeaseCall;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onFailure: () => void;

  constructor(options: {
    book: LeaseBook;
    call: LeaseCall;
    clock: Clock;
    log: Logger;
    onFailure: () => void;
  }) {
    this.#book = options.book;
    this.#call = options.call;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onFailure = options.onFailure;
  }

  /**
   * Opens the lease for a process. Nothing may be reserved before this is back, and no request may be under way.
   *
   * @throws LeaseRefused; the signal's reason when it is aborted
   */
  async open(
    identity: { budget: string; ledgerUid: string; processId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { lease } = this.#book;
    for (const orphan of orphanRecords(lease, this.#clock.wallMs())) this.#book.writeFact(orphan);
    const { answer, sentAtMs } = await this.#deliver(openRequest(identity, lease), signal);
    if (answer.kind !== 'opened')
      throw new LeaseRefused('row_unknown', 'the operator answered open with a report');
    const { incarnation, seq, resumed, row } = answer;
    this.#book.writeFact({ type: 'opened', ...identity, incarnation, seq, resumed, row });
    this.#note(lease, answer, sentAtMs);
    this.#log.info({ incarnation, resumed }, 'lease opened');
  }

  /**
   * Reports the lease's figures, with an ask for more if one is given.
   *
   * @throws LeaseRefused; the signal's reason when it is aborted
   */
  async report(ask: { need: NanoCu; want: NanoCu } | undefined, signal: AbortSignal): Promise<void> {
    const { lease } = this.#book;
    const record = lease.inFlight ?? sentRecord(lease, ask);
    if (lease.inFlight === undefined) this.#book.writeFact(record);
    const { answer, sentAtMs } = await this.#deliver(reportRequest(lease, record), signal);
    const answered = answerRecord(lease, answer);
    if (answered === undefined || answer.kind !== 'reported')
      throw new LeaseRefused('sequence_gap', 'the operator answered another report than the one sent');
    this.#book.writeFact(answered);
    this.#note(record, answer, sentAtMs);
  }

  /** Whether requests may be refused by the last figures: what was returned since is missing there. */
  isFresh(nowMs: number): boolean {
    const { last } = this;
    if (last === undefined || nowMs - last.sentAtMs >= freshMs) return false;
    return last.reportedReturned === this.#book.lease.returned;
  }

  #note(
    reported: Pick<Lease, 'spent' | 'returned'>,
    answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
    sentAtMs: number,
  ): void {
    const endsAtMs = sentAtMs + answer.remainingSeconds * 1000;
    const { cap, settled, outstanding, held, enforced } = answer.ledger;
    this.last = {
      figures: answer.ledger,
      sentAtMs,
      endsAtMs,
      reportedSpent: reported.spent,
      reportedReturned: reported.returned,
      othersHold: atLeastZero(outstanding - unusedOf(answer.row)),
      overdrawn: enforced ? atLeastZero(settled + outstanding + held - cap) : 0n,
    };
  }

  async #deliver(request: LeaseRequest, signal: AbortSignal) {
    this.waitingSinceMs = this.#clock.monotonicMs();
    for (let backOffMs = firstBackOffMs; ; backOffMs = Math.min(maxBackOffMs, backOffMs * 2)) {
      signal.throwIfAborted();
      const sentAtMs = this.#clock.monotonicMs();
      const answer = await this.#attempt(request, signal);
      if (answer?.kind === 'refused') throw new LeaseRefused(answer.reason, answer.message);
      if (answer !== undefined) return { answer, sentAtMs };
      await pause(backOffMs, signal);
    }
  }

  async #attempt(request: LeaseRequest, signal: AbortSignal): Promise<LeaseAnswer | undefined> {
    try {
      const answer = await this.#call(request, signal);
      this.waitingSinceMs = undefined;
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      this.#log.warn({ err: error }, 'operator does not answer a lease message');
      this.#onFailure();
      return undefined;
    }
  }
}

/** The part of a row's grants that is outstanding: what the ledger's sum has of this holder. */
function unusedOf({ granted, spent, overrun, unknown, lost, returned, released }: RowFigures): NanoCu {
  return atLeastZero(granted - (spent - overrun) - unknown - lost - returned - released);
}

function atLeastZero(amount: NanoCu): NanoCu {
  return amount > 0n ? amount : 0n;
}
