import type { NanoCu } from '../../accounting/amount.ts';
import { type HeldClosed, type MonthClose, settleHeld } from '../../accounting/ledger-close.ts';
import { countHolders, foldRows, isClosedOut } from '../../accounting/ledger-fold.ts';
import {
  extendPeriod,
  isLedgerKey,
  ledgerKey,
  setCap,
  setEnforcement,
  touch,
  unused,
} from '../../accounting/ledger.ts';
import type { Ledger, LedgerRow } from '../../accounting/ledger.ts';
import { setShares } from '../../accounting/ledger-shares.ts';
import { followParent, grantableTo, takeOverRow } from '../../accounting/parent-lease.ts';
import {
  type Release,
  type ReleaseOutcome,
  holdMissing,
  releaseApproved,
} from '../../accounting/ledger-release.ts';
import { expireRows, noteToken } from '../../accounting/ledger-transitions.ts';
import type { MessageContext } from '../../accounting/message-context.ts';
import type { LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import { type BudgetRef, budgetKey } from '../configuration/budget-ref.ts';
import { NotLeadingError, requireLeadership } from '../replicas/leadership.ts';
import type { Leadership } from '../replicas/leadership.ts';
import { LedgerError } from './ledger-error.ts';
import { type LedgerSnapshot, snapshotOf } from './ledger-snapshot.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import { MessageDesk } from './message-desk.ts';
import type { RecallNotice, RecallNotices } from './recall-notices.ts';
import { RecallRounds } from './recall-rounds.ts';
import { ParentSide } from './parent-side.ts';
import type { ParentBook, ParentSideOptions } from './parent-side.ts';
import type { LeaseBook, LedgerNeed } from './ledgers.ts';
import type { FoldingBook, Holder } from './row-folding.ts';
import { isAtRest, roomForGone } from './unnamed-ledgers.ts';

/**
 * Whether a ledger may grant: `undecided` until a reconcile has found that it is the budget's current one, `never` once its
 * budget is gone.
 */
export type Grants = 'undecided' | 'allowed' | 'never';

/** What a ledger's account needs beside its actor. */
export interface AccountOptions extends Pick<ParentSideOptions, 'find' | 'clock' | 'onFailure'> {
  notices: RecallNotices;
  /** Asks those holders that are ledgers; must not throw. */
  askBelow: (round: RecallNotice) => void;
}

/** One ledger with its actor. */
export class LedgerAccount implements LeaseBook, FoldingBook, ParentBook {
  readonly #writer: LedgerWriter;
  readonly #rounds: RecallRounds;
  readonly #desk: MessageDesk;
  /** Of a ledger that is a holder in another one. */
  readonly #parent: ParentSide | undefined;
  grants: Grants = 'undecided';
  /** The leader's term in which this process wrote the ledger last as its leader. */
  #term = 0;

  constructor(writer: LedgerWriter, { notices, askBelow, find, clock, onFailure }: AccountOptions) {
    this.#writer = writer;
    this.#rounds = new RecallRounds({ writer, clock, notices, askBelow });
    const mayGrant = (): boolean => this.grants === 'allowed';
    const { parent: lease } = writer.stored.ledger;
    const parent = lease && new ParentSide({ writer, find, clock, mayGrant, onFailure });
    this.#parent = parent;
    const grants = (): Grants => this.grants;
    this.#desk = new MessageDesk({ writer, rounds: this.#rounds, clock, parent, grants, onFailure });
  }

  get uid(): string {
    return this.#writer.stored.uid;
  }
  get name(): string {
    return this.#writer.stored.name;
  }
  get budget(): BudgetRef {
    return this.#writer.stored.ledger.budget;
  }
  get periodName(): string {
    return this.#writer.stored.ledger.period.name;
  }
  /** Uid of the ledger that this one is a holder in. */
  get parentUid(): string | undefined {
    return this.#writer.stored.ledger.parent?.ledgerUid;
  }
  /** Name of the budget below which this one is. */
  get parentName(): string | undefined {
    const { parent } = this.#writer.stored.ledger;
    return parent && budgetKey(parent.budget);
  }
  isBelow(budget: BudgetRef): boolean {
    return this.parentName === budgetKey(budget);
  }
  /** Whether its object was gone, or had gone back, when it was read last. */
  get isLost(): boolean {
    const { problem } = this.#writer;
    return problem instanceof LedgerError && problem.reason === 'lost';
  }
  /** Whether nobody has to look after it. */
  isAtRest(nowMs: number): boolean {
    return isAtRest(this.#writer.stored.ledger, nowMs);
  }
  get idle(): Promise<void> {
    return this.#writer.idle;
  }

  snapshot(): LedgerSnapshot {
    const { stored } = this.#writer;
    const problem = this.#writer.problem ?? this.#parent?.problem;
    const parentLeft = this.#parent?.left;
    const snapshot = { ...snapshotOf(stored), ...(parentLeft !== undefined && { parentLeft }) };
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
    await this.#writer.submit(() => ({ result: undefined, mustBeStored: true }));
    this.#rounds.look();
  }

  row(key: string): Readonly<LedgerRow> | undefined {
    return this.#writer.stored.ledger.rows.get(key);
  }

  grantableTo(key: string): NanoCu {
    return grantableTo(this.#writer.stored.ledger, key, this.#parent?.grantable);
  }

  takeOver(key: string, below: Ledger): Promise<boolean> {
    return this.#writer.submit((ledger) => {
      const { seq } = ledger;
      const result = takeOverRow(ledger, key, below);
      // Another operator may have done it.
      return { result, mustBeStored: ledger.seq === seq };
    });
  }

  /** Holders that are ledgers and have something that is not accounted for. */
  ledgersBelow(): { uid: string; name: string }[] {
    return ledgersIn(this.#writer.stored.ledger);
  }

  handle(request: LeaseRequest, context: MessageContext, signal?: AbortSignal): Promise<LeaseAnswer> {
    return this.#desk.handle(request, context, signal);
  }

  /** Tells the ledger that this one is a holder in what it should know, and gives back what is not used here. */
  async tellParent(): Promise<void> {
    await this.#parent?.tell();
  }

  /** The parent is short: what is not used goes back, also what holders here have idle. */
  async recall(): Promise<void> {
    const asked = this.#rounds.recallAll();
    await this.#parent?.recall();
    await asked;
    await this.#parent?.recall();
  }

  /**
   * Makes sure that this is a holder in that ledger.
   *
   * @throws LedgerError `other_parent`
   */
  async followParent({ uid, book, name }: { uid: string; book: ParentBook; name: string }): Promise<void> {
    if (this.parentUid === uid) return;
    const row = book.row(ledgerKey(this.uid));
    const followed = await this.#writer.submit((ledger) => ({ result: followParent(ledger, uid, row) }));
    if (!followed)
      throw new LedgerError(
        'other_parent',
        `the ledger of ${name} does not know what this budget has had of it in this period: restore the parent's SapAiLedger from a newer backup, or wait for the next period`,
      );
  }

  /** A holder that is a ledger has given back what it could in that recall round. */
  noteAnswered(key: string, number: number): void {
    this.#rounds.noteAnswered(key, number);
  }

  /** For an account that is not used any more. */
  endRounds(): void {
    this.#rounds.end();
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
    { cap, enforcement, period, shares }: Pick<LedgerNeed, 'cap' | 'enforcement' | 'period' | 'shares'>,
    leadership: Leadership,
  ): Promise<void> {
    const { term } = leadership;
    await this.#writer.submit((ledger) => {
      requireLeadership(leadership);
      if (leadership.term !== term) throw new NotLeadingError();
      if (this.#term !== term) touch(ledger);
      setCap(ledger, cap);
      setEnforcement(ledger, enforcement);
      if (shares) setShares(ledger, shares);
      if (period.startMs === ledger.period.startMs) extendPeriod(ledger, period.endMs);
      return { result: undefined };
    });
    this.#term = term;
    this.#rounds.look();
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

  settleHeld(close: MonthClose): Promise<HeldClosed> {
    return this.#writer.submit((ledger) => {
      const { seq } = ledger;
      const result = settleHeld(ledger, close);
      const { settled, released } = result;
      return { result, events: ledger.seq === seq ? [] : [{ type: 'HeldSettled', settled, released }] };
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

function ledgersIn({ rows }: Ledger): { uid: string; name: string }[] {
  return [...rows.values()]
    .filter((row) => isLedgerKey(row.key) && unused(row) + row.unknown > 0n)
    .map(({ key, name }) => ({ uid: key.slice(ledgerKey('').length), name }));
}

function reasonOf(problem: Error): string {
  return 'reason' in problem && typeof problem.reason === 'string' ? problem.reason : 'failed';
}
