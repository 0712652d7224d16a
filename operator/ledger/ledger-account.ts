import type { NanoCu } from '../../accounting/amount.ts';
import { countHolders, foldRows, isClosedOut } from '../../accounting/ledger-fold.ts';
import { type Ledger, extendPeriod, setCap, setEnforcement, touch } from '../../accounting/ledger.ts';
import {
  type Release,
  type ReleaseOutcome,
  holdMissing,
  releaseApproved,
} from '../../accounting/ledger-release.ts';
import { callsForRecall, isRecallable } from '../../accounting/ledger-recall.ts';
import { expireRows, handleLeaseRequest, noteToken } from '../../accounting/ledger-transitions.ts';
import type { MessageContext } from '../../accounting/ledger-transitions.ts';
import type { LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { requireLeadership } from '../replicas/leadership.ts';
import type { Leadership } from '../replicas/leadership.ts';
import { LedgerError } from './ledger-error.ts';
import { Admissions } from './admissions.ts';
import { type LedgerSnapshot, snapshotOf } from './ledger-snapshot.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { LeaseBook, LedgerNeed } from './ledgers.ts';
import type { FoldingBook, Holder } from './row-folding.ts';

/**
 * Whether a ledger may grant: `undecided` until a reconcile has found that it is the budget's current one, `never` once its
 * budget is gone.
 */
export type Grants = 'undecided' | 'allowed' | 'never';

/** Rows that a ledger may have before those of holders who are gone are folded: few enough to be read by people. */
const roomForGone = 500;

/** One ledger with its actor. */
export class LedgerAccount implements LeaseBook, FoldingBook {
  readonly #writer: LedgerWriter;
  readonly #admissions: Admissions;
  readonly #onShort: () => void;
  grants: Grants = 'undecided';
  /** The leader's term in which this process wrote the ledger last as its leader. */
  #term = 0;

  /** `onShort` is told each time that holders should give back what they do not use; it must not throw. */
  constructor(writer: LedgerWriter, { onShort }: { onShort: () => void }) {
    this.#writer = writer;
    this.#admissions = new Admissions(writer);
    this.#onShort = onShort;
  }

  get uid(): string {
    return this.#writer.stored.uid;
  }
  get budget(): BudgetRef {
    return this.#writer.stored.ledger.budget;
  }
  get periodName(): string {
    return this.#writer.stored.ledger.period.name;
  }
  get idle(): Promise<void> {
    return this.#writer.idle;
  }

  snapshot(): LedgerSnapshot {
    const { stored, problem } = this.#writer;
    const snapshot = snapshotOf(stored);
    return problem
      ? { ...snapshot, problem: { reason: reasonOf(problem), message: problem.message } }
      : snapshot;
  }

  async hasRow(key: string): Promise<boolean> {
    return (
      this.#remembersRow(key) ||
      this.#writer.submit((ledger) => ({
        result: ledger.rows.has(key),
        mustBeStored: !ledger.rows.has(key),
      }))
    );
  }

  #remembersRow(key: string): boolean {
    return this.#writer.stored.ledger.rows.has(key);
  }

  /** Takes over what others have stored. */
  async refresh(): Promise<void> {
    const short = await this.#writer.submit((ledger) => ({
      result: isRecallable(ledger),
      mustBeStored: true,
    }));
    if (short) this.#onShort();
  }

  async handle(request: LeaseRequest, context: MessageContext): Promise<LeaseAnswer> {
    if (this.#remembersRow(context.key)) return this.#handle(request, context);
    return this.#admissions.admit(() => this.#handle(request, context));
  }

  async #handle(request: LeaseRequest, context: MessageContext): Promise<LeaseAnswer> {
    const mayGrant = context.mayGrant && this.grants !== 'never';
    const need = mayGrant && request.kind === 'report' ? (request.ask?.need ?? 0n) : 0n;
    if (need > 0n && this.grants === 'undecided')
      throw new LedgerError('unavailable', 'the operator has not looked at this budget yet; try again');
    const { key } = context;
    const change = (ledger: Ledger) => {
      const before = ledger.rows.get(key)?.granted;
      const { seq } = ledger;
      const { answer: given, events } = handleLeaseRequest(ledger, request, { ...context, mayGrant });
      const denied = ledger.rows.get(key)?.granted === before ? need : 0n;
      const result = { answer: given, short: callsForRecall(ledger, { key, denied }) };
      // Also a repeated message, which changes nothing, is answered with figures that are true now.
      return { result, events, mustBeStored: ledger.seq === seq };
    };
    const { answer, short } = await this.#writer.submit(change, { patient: this.#isPatient(request, key) });
    if (short) this.#onShort();
    return answer;
  }

  /** A report that only tells what was spent: nobody waits for its answer, and nobody for what it gives back. */
  #isPatient(request: LeaseRequest, key: string): boolean {
    if (request.kind !== 'report' || request.ask !== undefined) return false;
    return request.returned <= (this.#writer.stored.ledger.rows.get(key)?.returned ?? 0n);
  }

  noteToken(holder: { key: string; incarnation: number; expires: number }): Promise<boolean> {
    return this.#writer.submit((ledger) => {
      const { seq } = ledger;
      // Whether this is still the newest process, only the stored ledger knows.
      return { result: noteToken(ledger, holder), mustBeStored: ledger.seq === seq };
    });
  }

  /**
   * Takes over cap, enforcement and end of the period; also without a difference it fails if the ledger cannot be used. The
   * first time in a term it writes in any case: what a former leader has under way cannot be stored after that.
   *
   * @throws NotLeadingError
   */
  async follow(
    { cap, enforcement, period }: Pick<LedgerNeed, 'cap' | 'enforcement' | 'period'>,
    leadership: Leadership,
  ): Promise<void> {
    const { term } = leadership;
    const short = await this.#writer.submit((ledger) => {
      requireLeadership(leadership);
      if (this.#term !== term) touch(ledger);
      setCap(ledger, cap);
      setEnforcement(ledger, enforcement);
      if (period.startMs === ledger.period.startMs) extendPeriod(ledger, period.endMs);
      return { result: isRecallable(ledger) };
    });
    this.#term = term;
    if (short) this.#onShort();
  }

  closedOut(nowMs: number): readonly Holder[] {
    const { ledger } = this.#writer.stored;
    if (countHolders(ledger) <= roomForGone) return [];
    return [...ledger.rows.values()].filter((row) => isClosedOut(row, nowMs));
  }

  fold(keys: readonly string[], nowMs: number): Promise<void> {
    const change = (ledger: Ledger) => ({ result: foldRows(ledger, keys, nowMs) });
    return this.#writer.submit(change, { patient: true });
  }

  /** Releases what a person says was not spent. Throws a NotLeadingError. */
  release(
    release: Release,
    { nowMs, leadership }: { nowMs: number; leadership: Leadership },
  ): Promise<ReleaseOutcome> {
    return this.#writer.submit((ledger) => {
      requireLeadership(leadership);
      return { result: releaseApproved(ledger, release, nowMs) };
    });
  }

  /** Holds what this ledger does not know of, but was `seen` (nano-CU) to be spent, outstanding or held. */
  holdMissing(seen: NanoCu, nowMs: number): Promise<void> {
    return this.#writer.submit((ledger) => ({ result: holdMissing(ledger, seen, nowMs) }));
  }

  /** Makes held what silent holders had, by a ledger that was read or written at most `maxAgeMs` ago. */
  expire(nowMs: number, { maxAgeMs }: { maxAgeMs: number }): Promise<void> {
    const mustBeStored = this.#writer.ageMs > maxAgeMs;
    const change = (ledger: Ledger) => ({
      result: undefined,
      events: expireRows(ledger, nowMs),
      mustBeStored,
    });
    return this.#writer.submit(change, { patient: true });
  }
}

function reasonOf(problem: Error): string {
  return 'reason' in problem && typeof problem.reason === 'string' ? problem.reason : 'failed';
}
