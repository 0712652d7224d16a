import { extendPeriod, setCap } from '../../accounting/ledger.ts';
import { expireRows, handleLeaseRequest, noteToken } from '../../accounting/ledger-transitions.ts';
import type { MessageContext } from '../../accounting/ledger-transitions.ts';
import type { LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { LedgerError } from './ledger-error.ts';
import { type LedgerSnapshot, snapshotOf } from './ledger-snapshot.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { LeaseBook, LedgerNeed } from './ledgers.ts';

/**
 * Whether a ledger may grant: `undecided` until a reconcile has copied the budget's cap into it, `never` once its budget
 * is gone.
 */
export type Grants = 'undecided' | 'allowed' | 'never';

/** One ledger with its actor. */
export class LedgerAccount implements LeaseBook {
  readonly #writer: LedgerWriter;
  grants: Grants = 'undecided';

  constructor(writer: LedgerWriter) {
    this.#writer = writer;
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
    const allowed = this.#withoutForbiddenAsk(request);
    return this.#writer.submit((ledger) => {
      const { answer, events } = handleLeaseRequest(ledger, allowed, context);
      return { result: answer, events, refused: answer.kind === 'refused' };
    });
  }

  noteToken(holder: { key: string; incarnation: number; expires: number }): Promise<boolean> {
    return this.#writer.submit((ledger) => {
      const noted = noteToken(ledger, holder);
      return { result: noted, refused: !noted };
    });
  }

  /** Takes over cap and end of the period; also without a difference it fails if the ledger cannot be used. */
  follow({ cap, period }: Pick<LedgerNeed, 'cap' | 'period'>): Promise<void> {
    return this.#writer.submit((ledger) => {
      setCap(ledger, cap);
      if (period.startMs === ledger.period.startMs) extendPeriod(ledger, period.endMs);
      return { result: undefined };
    });
  }

  /** Makes held what silent holders had. */
  expire(nowMs: number): Promise<void> {
    return this.#writer.submit((ledger) => ({ result: undefined, events: expireRows(ledger, nowMs) }));
  }

  /** Figures are booked in any case; what is asked for is granted only where that is decided. */
  #withoutForbiddenAsk(request: LeaseRequest): LeaseRequest {
    if (this.grants === 'allowed' || request.kind === 'open' || !request.ask) return request;
    if (this.grants === 'undecided')
      throw new LedgerError('unavailable', 'the operator has not looked at this budget yet; try again');
    const { ask: _, ...report } = request;
    return report;
  }
}

function reasonOf(problem: Error): string {
  return 'reason' in problem && typeof problem.reason === 'string' ? problem.reason : 'failed';
}
