import type { NanoCu } from '../../accounting/amount.ts';
import type { Enforcement } from '../../accounting/ledger.ts';
import type { HeldClosed, MonthClose } from '../../accounting/ledger-close.ts';
import type { Share } from '../../accounting/ledger-shares.ts';
import type { LedgerEvent } from '../../accounting/ledger-transitions.ts';
import type { MessageContext } from '../../accounting/message-context.ts';
import type { Release, ReleaseOutcome } from '../../accounting/ledger-release.ts';
import type { LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import type { Period, PeriodRule } from '../../accounting/period.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { Clock } from '../kube/clock.ts';
import type { Leadership } from '../replicas/leadership.ts';
import type { LedgerSnapshot } from './ledger-snapshot.ts';
import type { LedgerStore } from './ledger-store.ts';
import type { WriteReport } from './ledger-writer.ts';
import type { RecallNotices } from './recall-notices.ts';
import type { Holder } from './row-folding.ts';
import type { UpkeepFailure } from './upkeep.ts';

/** The ledger a budget needs now. */
export interface LedgerNeed {
  budget: BudgetRef;
  /** Uid of the SapAiBudget. */
  createdFor: string;
  period: Period;
  rule: PeriodRule;
  cap: NanoCu;
  enforcement: Enforcement;
  /** The ledger it is a holder in, for the whole period; absent: its cap alone limits it. */
  parent?: { budget: BudgetRef; uid: string } | undefined;
  /** What ledgers below it are promised, by `<namespace>/<name>` of their budgets; absent: as it was. */
  shares?: ReadonlyMap<string, Pick<Share, 'guaranteed' | 'weight'>>;
  /** `ledgerSeq` of the budget's status, if that speaks of this very period: a ledger that is behind it is lost. */
  seenSeq?: number | undefined;
  /** What goes on from a ledger that is lost; absent: nobody has said that it may be. */
  recovery?: Recovery | undefined;
}

/** A person's word that a ledger which is behind `seenSeq`, or gone, is to be gone on from. */
export interface Recovery {
  /** Whether that is meant for the ledger as it is found; one that is gone is at 0. */
  readonly accepts: (found: { name: string; seq: number }) => boolean;
  /** What was spent, outstanding or held of it when it was seen last, nano-CU: what is missing of that is held. */
  readonly seen: NanoCu;
}

/** What a replica that does not lead waits for. */
export type AdoptNeed = Pick<LedgerNeed, 'budget' | 'period' | 'cap' | 'enforcement'>;

/** One ledger, as sidecars are served from it. */
export interface LeaseBook {
  readonly uid: string;
  readonly budget: BudgetRef;
  /**
   * Books a message and answers it, after both are stored. The answer to an ask for a request that waits comes once it
   * is granted or a recall round has ended for it, within three seconds; the signal says that nobody waits for it.
   *
   * @throws LedgerError, LedgerTextError; the signal's reason
   */
  handle(request: LeaseRequest, context: MessageContext, signal?: AbortSignal): Promise<LeaseAnswer>;
  /** Stores that a token given to this holder lives until `expires` (s); false for any but its newest process. */
  noteToken(holder: { key: string; incarnation: number; expires: number }): Promise<boolean>;
  /** Settles what is held, for good, because its month is closed: as spent, but for what SAP's final usage denies. */
  settleHeld(close: MonthClose): Promise<HeldClosed>;
  /** Tells the ledger that this one is a holder in, if there is one, what that should know. */
  tellParent(): Promise<void>;
  /** Whether this holder has a row; false only by what is stored now. */
  hasRow(key: string): Promise<boolean>;
}

/** What a registry of ledgers needs; callbacks must not throw. */
export interface LedgersOptions {
  store: LedgerStore;
  clock: Clock;
  /** Told of what people should know, after it was stored. */
  onEvent: (budget: BudgetRef, event: LedgerEvent) => void;
  /** Told that the current ledger of a budget, or what is wrong with it, has changed. Often: gather before you write. */
  onChange: (budget: BudgetRef) => void;
  onWrite?: (budget: BudgetRef, report: WriteReport) => void;
  /** Told of upkeep that nobody waits for, and that is tried again. */
  onFailure: (failure: UpkeepFailure) => void;
  notices: RecallNotices;
  /** Whether there is such a budget: one that is only not reconciled yet may grant as soon as it is. */
  exists: (budget: BudgetRef) => boolean;
  /** Ends the actors: what is being written is finished, what waits is refused. */
  signal: AbortSignal;
  /** Only the leader copies caps, opens periods, and looks for silent holders and for pods that are gone. */
  leadership: Leadership;
  /** Whether there may be other replicas that write ledgers: then the leader looks more often what they wrote. */
  hasPeers?: () => boolean;
  /** How often silent holders are looked for. */
  expireEveryMs?: number;
  /** Whether the pod of a row can never send a message again; rejects when nobody can say. */
  podIsGone: (holder: Holder) => Promise<boolean>;
  /** How often rows of pods that are gone are looked for. */
  foldEveryMs?: number;
  /** How often ledgers tell those they are holders in what was spent and is held. */
  tellEveryMs?: number;
  /** How often ledgers are looked for that nobody names any more. */
  lookEveryMs?: number;
}

/** The ledgers of all budgets: one actor each, so that every change of one ledger has its turn. */
export interface Ledgers {
  /**
   * For the leader: creates or adopts the ledger of a period, makes it the budget's current one and copies the cap into it; durable
   * when it resolves. Cheap when nothing has to change, so call it in every reconcile. An adopted ledger keeps its own
   * period, but for an end that is to be later: go by the snapshot's.
   *
   * @throws LedgerError, LedgerTextError, StoredObjectError: grants of this budget have stopped; NotLeadingError; KubeError
   * as it comes
   */
  ensureLedger(need: LedgerNeed, options: { signal: AbortSignal }): Promise<LedgerSnapshot>;
  /**
   * For all others: makes the stored ledger of a period the budget's current one, as it is; undefined while the leader has
   * not made it. Nothing is written. Read again for as long as what is known of it is not what is needed.
   *
   * @throws as ensureLedger
   */
  adoptLedger(need: AdoptNeed, options: { signal: AbortSignal }): Promise<LedgerSnapshot | undefined>;
  /** Releases what a holder of the current ledger had, on a person's word. Throws a NotLeadingError. */
  release(budget: BudgetRef, release: Release): Promise<ReleaseOutcome>;
  /** The current ledger of a budget as it was stored when it was last read or written here. */
  current(budget: BudgetRef): LedgerSnapshot | undefined;
  /** The budget is gone: nothing is granted any more, reports are still booked. Its ledger's object stays. */
  retire(budget: BudgetRef): void;
  /** The ledger of that uid, also one of an earlier period or of a retired budget; compare its budget. */
  find(uid: string, budget: BudgetRef, options: { signal: AbortSignal }): Promise<LeaseBook | undefined>;
  /** Resolves when, after the signal, no write is under way any more. */
  stopped: Promise<void>;
}
