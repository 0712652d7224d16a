import type { NanoCu } from '../../accounting/amount.ts';
import type { Lease, LeaseRecord, SentRecord } from '../../accounting/lease.ts';
import { applyRecord, idle, newLease, orphanRecords } from '../../accounting/lease.ts';
import { answerRecord, openRequest, reportRequest, sentRecord } from '../../accounting/lease-messages.ts';
import type {
  Ask,
  LeaseAnswer,
  LeaseRefusalReason,
  LeaseRequest,
  LedgerFigures,
  RecallRound,
} from '../../accounting/messages.ts';
import type { Phase } from '../../sidecar/lease/phase.ts';
import { reactionTo, startPhase } from '../../sidecar/lease/phase.ts';
import type { JournalMedium } from './journal-medium.ts';
import { budget } from './replica.ts';
import type { Account } from './truth.ts';

/** What the operator said last; times by the holder's monotonic clock. */
export interface Last {
  figures: LedgerFigures;
  /** From when on the figures may be old. */
  figuresAtMs: number;
  endsAtMs: number;
  /** `returned` as the message reported it that this answers. */
  returned: NanoCu;
  overdrawn: NanoCu;
  /** The recall round whose end the answer told. */
  round: RecallRound | undefined;
}

/** A lease as one process holds it: production's state machine and journal, moved by the schedule. */
export class Holder {
  readonly ledgerUid: string;
  readonly medium: JournalMedium;
  readonly account: Account;
  readonly #newProcessId: () => string;
  readonly lease: Lease;
  phase: Phase = startPhase;
  retiring = false;
  /** The message that waits for its answer. */
  pending: LeaseRequest | undefined;
  last: Last | undefined;
  /** When the last recall round that it heard of began at the earliest (monotonic). */
  roundBeganAtMs = Number.NEGATIVE_INFINITY;
  /** The same by the true time, that nobody knows. */
  roundBeganMs = Number.NEGATIVE_INFINITY;
  /** When its SAP token ends in truth, and as it thinks itself (monotonic). */
  token: { endsAtMs: number; seemsToEndAtMs: number } | undefined;
  /** What was idle, and not given back, when its last report was made. */
  keptBack: NanoCu = 0n;
  /** Whether there are figures that no report has told. */
  changed = false;
  /** Refusals this holder has met. */
  readonly refusals: LeaseRefusalReason[] = [];

  constructor(options: {
    ledgerUid: string;
    medium: JournalMedium;
    account: Account;
    newProcessId: () => string;
  }) {
    this.ledgerUid = options.ledgerUid;
    this.medium = options.medium;
    this.account = options.account;
    this.#newProcessId = options.newProcessId;
    const { ledgerUid } = this;
    const found = this.medium.isEmpty ? undefined : this.medium.replay(ledgerUid);
    this.lease = found ?? newLease({ budget: budget.name, ledgerUid, processId: '' });
  }

  /** Whether it may spend at that time by its own clock. */
  aliveAt(monotonicMs: number): boolean {
    return this.phase === 'open' && this.last !== undefined && monotonicMs < this.last.endsAtMs;
  }

  /** Whether nothing has ever happened to it. */
  get isUntouched(): boolean {
    return this.lease.incarnation === 0 && this.medium.isEmpty;
  }
  /** Whether there is something to tell, and no message on its way that tells it. */
  get owesMessage(): boolean {
    if (this.pending) return false;
    return this.phase !== 'open' || this.changed || this.lease.inFlight !== undefined;
  }

  write(record: LeaseRecord): void {
    this.medium.append(record);
    applyRecord(this.lease, record);
  }

  /** Makes the message that opens the lease, once nothing is under way. False: there is nothing to open now. */
  open(wallMs: number): boolean {
    if (this.pending || (this.phase !== 'opening' && this.phase !== 'reopening')) return false;
    if (this.phase === 'reopening' && this.lease.reservations.size > 0) return false;
    for (const orphan of orphanRecords(this.lease, wallMs)) this.write(orphan);
    const identity = { budget: budget.name, ledgerUid: this.ledgerUid, processId: this.#newProcessId() };
    this.write({ type: 'opening', ...identity });
    this.account.begin(identity.processId);
    this.pending = openRequest(identity, this.lease);
    return true;
  }

  /** Makes the next report, with what is asked for and the recall round it answers. */
  report({ ask, recall }: { ask?: Ask | undefined; recall?: number | undefined } = {}): boolean {
    if (this.phase !== 'open' || this.pending) return false;
    this.changed = false;
    this.keptBack = idle(this.lease);
    const record: SentRecord = this.lease.inFlight ?? sentRecord(this.lease, ask, recall);
    if (this.lease.inFlight === undefined) this.write(record);
    this.pending = reportRequest(this.lease, record);
    return true;
  }

  giveBack(amount: NanoCu): boolean {
    if (this.phase !== 'open' || amount <= 0n || amount > idle(this.lease)) return false;
    this.write({ type: 'return', amount });
    this.changed = true;
    return true;
  }

  /** Whether it would take this answer, whatever message it is to. */
  takes(answer: LeaseAnswer): boolean {
    return this.pending?.kind === 'report' && answerRecord(this.lease, answer) !== undefined;
  }

  /** Takes the answer to the message that is pending, sent at that time by this holder's clock. */
  take(answer: LeaseAnswer, { sentAtMs, nowMs }: { sentAtMs: number; nowMs: number }): void {
    const request = this.pending;
    if (!request) return;
    this.pending = undefined;
    if (answer.kind === 'refused') return this.#refused(answer.reason);
    if (answer.kind === 'opened' && request.kind === 'open') {
      const { incarnation, seq, resumed, row } = answer;
      const names = { budget: budget.name, ledgerUid: this.ledgerUid, processId: request.processId };
      this.write({ type: 'opened', ...names, incarnation, seq, resumed, row });
      this.phase = 'open';
      // Figures went with the message, usage goes with reports only.
      if (this.lease.usage.size > 0) this.changed = true;
    } else {
      const record = answerRecord(this.lease, answer);
      if (record === undefined) return this.#refused('sequence_gap');
      this.write(record);
    }
    this.#note(answer, request, { sentAtMs, nowMs });
  }

  #refused(reason: LeaseRefusalReason): void {
    this.refusals.push(reason);
    this.phase = reactionTo(reason);
  }

  #note(
    answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
    request: LeaseRequest,
    { sentAtMs, nowMs }: { sentAtMs: number; nowMs: number },
  ): void {
    const { cap, settled, outstanding, held, enforced } = answer.ledger;
    const round = answer.kind === 'reported' ? answer.round : undefined;
    if (round) this.roundBeganAtMs = sentAtMs - round.beganMsAgo;
    this.last = {
      figures: answer.ledger,
      figuresAtMs: round ? nowMs : sentAtMs,
      endsAtMs: sentAtMs + answer.remainingSeconds * 1000,
      returned: request.kind === 'report' ? request.returned : this.lease.returned,
      overdrawn: enforced ? atLeastZero(settled + outstanding + held - cap) : 0n,
      round,
    };
  }
}

function atLeastZero(amount: NanoCu): NanoCu {
  return amount > 0n ? amount : 0n;
}
