import type { Logger } from 'pino';
import { type Lease, orphanRecords } from '../../accounting/lease.ts';
import { answerRecord, openRequest, reportRequest, sentRecord } from '../../accounting/lease-messages.ts';
import type {
  Ask,
  RecallRound,
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
  /** From when on the figures may be old. */
  readonly figuresAtMs: number;
  /** When the lease ends, counted from sending. */
  readonly endsAtMs: number;
  /** `spent` as that message reported it. */
  readonly reportedSpent: NanoCu;
  /** `returned` as that message reported it: what was returned since is missing in the figures. */
  readonly reportedReturned: NanoCu;
  /** By how much spent, reserved and held together pass the cap; 0 while they do not. */
  readonly overdrawn: NanoCu;
}

/** A recall round as this sidecar heard of it. */
export interface HeardRound extends RecallRound {
  /** When it began at the earliest, monotonic ms. */
  readonly beganAtMs: number;
  /** The largest amount that could be granted when it had ended. */
  readonly grantable: NanoCu;
}

/** For so long (ms) figures may be refused by, and rounds counted from when they began. */
export const freshMs = 1000;
const firstBackOffMs = 100;
const maxBackOffMs = 5000;

/** Brings `open` and reports to the operator, one at a time, each repeated unchanged until it is answered. */
export class Courier {
  last: LastAnswer | undefined;
  /** The last recall round that the operator told the end of. */
  round: HeardRound | undefined;
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
   * Opens the lease for a process, which its journal says first: a later one tells the operator not to hear of it any more.
   * Nothing may be reserved before this is back, and no request may be under way.
   *
   * @throws LeaseRefused; the signal's reason when it is aborted
   */
  async open(
    identity: { budget: string; ledgerUid: string; processId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { lease } = this.#book;
    for (const orphan of orphanRecords(lease, this.#clock.wallMs())) this.#book.writeFact(orphan);
    this.#book.writeFact({ type: 'opening', ...identity });
    const { answer, sentAtMs } = await this.#deliver(openRequest(identity, lease), signal);
    if (answer.kind !== 'opened')
      throw new LeaseRefused('row_unknown', 'the operator answered open with a report');
    const { incarnation, seq, resumed, row } = answer;
    this.#book.writeFact({ type: 'opened', ...identity, incarnation, seq, resumed, row });
    this.#note(lease, answer, sentAtMs);
    this.#log.info({ incarnation, resumed }, 'lease opened');
  }

  /**
   * Reports the lease's figures, with an ask for more and the number of the recall round it answers, if they are given.
   * Resolves to the round that has ended for the ask, if the answer tells of one.
   *
   * @throws LeaseRefused; the signal's reason when it is aborted
   */
  async report(
    { ask, recall }: { ask?: Ask | undefined; recall?: number | undefined },
    signal: AbortSignal,
  ): Promise<RecallRound | undefined> {
    const { lease } = this.#book;
    const record = lease.inFlight ?? sentRecord(lease, ask && ask.need > 0n ? ask : undefined, recall);
    if (lease.inFlight === undefined) this.#book.writeFact(record);
    const { answer, sentAtMs } = await this.#deliver(reportRequest(lease, record), signal);
    const answered = answerRecord(lease, answer);
    if (answered === undefined || answer.kind !== 'reported')
      throw new LeaseRefused('sequence_gap', 'the operator answered another report than the one sent');
    this.#book.writeFact(answered);
    this.#note(record, answer, sentAtMs);
    return answer.round;
  }

  /** Whether requests may be refused by the last figures: what was returned since is missing there. */
  isFresh(nowMs: number): boolean {
    const { last } = this;
    if (last === undefined || nowMs - last.figuresAtMs >= freshMs) return false;
    return last.reportedReturned === this.#book.lease.returned;
  }

  #note(
    reported: Pick<Lease, 'spent' | 'returned'>,
    answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
    sentAtMs: number,
  ): void {
    const endsAtMs = sentAtMs + answer.remainingSeconds * 1000;
    const { cap, settled, outstanding, held, grantable, enforced } = answer.ledger;
    const round = answer.kind === 'reported' ? answer.round : undefined;
    if (round !== undefined) this.round = { ...round, grantable, beganAtMs: sentAtMs - round.beganMsAgo };
    this.last = {
      figures: answer.ledger,
      sentAtMs,
      // The answer that tells of a round has waited for its end, and its figures are of then.
      figuresAtMs: round === undefined ? sentAtMs : this.#clock.monotonicMs(),
      endsAtMs,
      reportedSpent: reported.spent,
      reportedReturned: reported.returned,
      overdrawn: enforced ? overdrawnBy(settled + outstanding + held, cap) : 0n,
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

function overdrawnBy(committed: NanoCu, cap: NanoCu): NanoCu {
  return committed > cap ? committed - cap : 0n;
}
