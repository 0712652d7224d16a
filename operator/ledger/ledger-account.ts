import type { NanoCu } from '../../accounting/amount.ts';
import { countHolders, foldRows, isClosedOut } from '../../accounting/ledger-fold.ts';
import { extendPeriod, setCap, setEnforcement } from '../../accounting/ledger.ts';
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
import { LedgerError } from './ledger-error.ts';
import { Admissions } from './admissions.ts';
import { type LedgerSnapshot, snapshotOf } from './ledger-snapshot.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { LeaseBook, LedgerNeed } from './ledgers.ts';
import type { FoldingBook, Holder } from './row-folding.ts';

/**
 * Whether a ledger may grant: `undecided` until a reconcile has copied the budget's cap into it, `never` once its budget
 * is gone.
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

  hasRow(key: string): boolean {
    return this.#writer.stored.ledger.rows.has(key);
  }

  async handle(request: LeaseRequest, context: MessageContext): Promise<LeaseAnswer> {
    if (this.hasRow(context.key)) return this.#handle(request, context);
    return this.#admissions.admit(() => this.#handle(request, context));
  }

  async #handle(request: LeaseRequest, context: MessageContext): Promise<LeaseAnswer> {
    const mayGrant = context.mayGrant && this.grants !== 'never';
    const need = mayGrant && request.kind === 'report' ? (request.ask?.need ?? 0n) : 0n;
    if (need > 0n && this.grants === 'undecided')
      throw new LedgerError('unavailable', 'the operator has not looked at this budget yet; try again');
    const { key } = context;
    const { answer, short } = await this.#writer.submit((ledger) => {
      const before = ledger.rows.get(key)?.granted;
      const { answer: given, events } = handleLeaseRequest(ledger, request, { ...context, mayGrant });
      const denied = ledger.rows.get(key)?.granted === before ? need : 0n;
      const result = { answer: given, short: callsForRecall(ledger, { key, denied }) };
      return { result, events, refused: given.kind === 'refused' };
    });
    if (short) this.#onShort();
    return answer;
  }

  noteToken(holder: { key: string; incarnation: number; expires: number }): Promise<boolean> {
    return this.#writer.submit((ledger) => {
      const noted = noteToken(ledger, holder);
      return { result: noted, refused: !noted };
    });
  }

  /** Takes over cap, enforcement and end of the period; also without a difference it fails if the ledger cannot be used. */
  async follow({
    cap,
    enforcement,
    period,
  }: Pick<LedgerNeed, 'cap' | 'enforcement' | 'period'>): Promise<void> {
    const short = await this.#writer.submit((ledger) => {
      setCap(ledger, cap);
      setEnforcement(ledger, enforcement);
      if (period.startMs === ledger.period.startMs) extendPeriod(ledger, period.endMs);
      return { result: isRecallable(ledger) };
    });
    if (short) this.#onShort();
  }

  closedOut(nowMs: number): readonly Holder[] {
    const { ledger } = this.#writer.stored;
    if (countHolders(ledger) <= roomForGone) return [];
    return [...ledger.rows.values()].filter((row) => isClosedOut(row, nowMs));
  }

  fold(keys: readonly string[], nowMs: number): Promise<void> {
    return this.#writer.submit((ledger) => ({ result: foldRows(ledger, keys, nowMs) }));
  }

  /** Releases what a person says was not spent. */
  release(release: Release, nowMs: number): Promise<ReleaseOutcome> {
    return this.#writer.submit((ledger) => ({ result: releaseApproved(ledger, release, nowMs) }));
  }

  /** Holds what this ledger does not know of, but was `seen` (nano-CU) to be spent, outstanding or held. */
  holdMissing(seen: NanoCu, nowMs: number): Promise<void> {
    return this.#writer.submit((ledger) => ({ result: holdMissing(ledger, seen, nowMs) }));
  }

  /** Makes held what silent holders had. */
  expire(nowMs: number): Promise<void> {
    return this.#writer.submit((ledger) => ({ result: undefined, events: expireRows(ledger, nowMs) }));
  }
}

function reasonOf(problem: Error): string {
  return 'reason' in problem && typeof problem.reason === 'string' ? problem.reason : 'failed';
}
