import type { NanoCu } from '../../accounting/amount.ts';
import { ledgerKey, newLedger } from '../../accounting/ledger.ts';
import type { Release, ReleaseOutcome } from '../../accounting/ledger-release.ts';
import { acceptLedgerAnnotation, acceptance, approvedByAnnotation } from '../budget/approvals.ts';
import { type BudgetRef, budgetKey } from '../configuration/budget-ref.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { keepLedgers } from './keep-ledgers.ts';
import { LedgerAccount } from './ledger-account.ts';
import { requireLeadership } from '../replicas/leadership.ts';
import type { RecallNotice } from './recall-notices.ts';
import { LedgerError } from './ledger-error.ts';
import { LedgerNames } from './ledger-names.ts';
import type { LedgerSnapshot } from './ledger-snapshot.ts';
import { type StoredLedger, ledgerName, parseLedgerName } from './ledger-store.ts';
import { LedgerWriter } from './ledger-writer.ts';
import type { AdoptNeed, LeaseBook, LedgerNeed, Ledgers, LedgersOptions } from './ledgers.ts';
import type { Upkeep, UpkeepFailure } from './upkeep.ts';
import { WriteRate } from './write-rate.ts';

/** A ledger is not opened any more so long after its period has ended: those of former periods are deleted some day. */
const openSpareMs = 86_400_000;

/** Starts a registry of ledgers; it works until the signal of its options fires. */
export function startLedgers(options: LedgersOptions): Ledgers {
  return new LedgerRegistry(options);
}

class LedgerRegistry implements Ledgers {
  readonly stopped: Promise<void>;
  readonly #options: LedgersOptions;
  readonly #rate: WriteRate;
  readonly #byUid = new Map<string, LedgerAccount>();
  readonly #current = new Map<string, LedgerAccount>();
  readonly #names: LedgerNames;

  constructor(options: LedgersOptions) {
    this.#options = options;
    this.#rate = new WriteRate({ clock: options.clock });
    this.#names = new LedgerNames(options);
    const { signal } = options;
    const kept = keepLedgers({
      settings: { ...options, onFailure: (failure) => this.#noteFailure(failure) },
      accounts: this.#byUid,
      find: (uid, budget) => this.find(uid, budget, { signal }),
      adopt: (stored) => void this.#accountOf(stored),
      forget: (there) => this.#forget(there),
    });
    this.stopped = Promise.all([kept, this.#stop(signal)]).then(() => undefined);
  }

  async ensureLedger(need: LedgerNeed, { signal }: { signal: AbortSignal }): Promise<LedgerSnapshot> {
    const known = this.#current.get(budgetKey(need.budget));
    const same = known?.periodName === need.period.name ? known : undefined;
    const account = same && !same.snapshot().problem ? same : await this.#openPeriod(need, same, signal);
    await this.#followParent(account, need, signal);
    await account.follow(need, this.#options.leadership);
    return this.#makeCurrent(account);
  }

  async adoptLedger(
    need: AdoptNeed,
    { signal }: { signal: AbortSignal },
  ): Promise<LedgerSnapshot | undefined> {
    const known = this.current(need.budget);
    if (known && isAsNeeded(known, need)) return known;
    const name = ledgerName(need.budget, need.period.name);
    const stored = await this.#options.store.read(name, { signal });
    if (stored === undefined) return undefined;
    const account = this.#accountOf(stored);
    const { seq, problem } = account.snapshot();
    if (problem || seq < stored.ledger.seq) await account.refresh();
    this.#forgetOlderThan(account);
    return this.#makeCurrent(account);
  }

  #makeCurrent(account: LedgerAccount): LedgerSnapshot {
    account.grants = 'allowed';
    this.#current.set(budgetKey(account.budget), account);
    return account.snapshot();
  }

  async release(budget: BudgetRef, release: Release): Promise<ReleaseOutcome> {
    const account = this.#current.get(budgetKey(budget));
    if (!account) return { state: 'refused', why: 'no ledger of this budget is open' };
    const { clock, leadership } = this.#options;
    return account.release(release, { nowMs: clock.nowMs(), leadership });
  }

  current(budget: BudgetRef): LedgerSnapshot | undefined {
    return this.#current.get(budgetKey(budget))?.snapshot();
  }

  retire(budget: BudgetRef): void {
    this.#current.delete(budgetKey(budget));
    for (const account of this.#accountsOf(budget)) account.grants = 'never';
  }

  async find(
    uid: string,
    budget: BudgetRef,
    { signal }: { signal: AbortSignal },
  ): Promise<LeaseBook | undefined> {
    const known = this.#byUid.get(uid);
    // A former ledger may have been deleted by the leader meanwhile, or restored.
    if (known?.isLost && this.#isFormer(known)) this.#drop(known);
    const account = await this.#account(uid, budget, signal);
    if (account?.grants === 'undecided' && this.#isFormer(account)) account.grants = 'never';
    return account;
  }

  async #account(uid: string, budget: BudgetRef, signal: AbortSignal): Promise<LedgerAccount | undefined> {
    return this.#byUid.get(uid) ?? (await this.#search(uid, budget, signal));
  }

  /** Whether this ledger will never be the current one: its budget is gone, or spends from that of a later period. */
  #isFormer(account: LedgerAccount): boolean {
    const current = this.#current.get(budgetKey(account.budget));
    if (current === undefined) return !this.#options.exists(account.budget);
    // One of a period that this replica has not heard of yet will be.
    return current !== account && account.periodName <= current.periodName;
  }

  /** Those below a ledger that it asks give back what they do not use. */
  #recallBelow(parent: LedgerAccount, { number, keys }: RecallNotice): void {
    for (const account of this.#byUid.values()) {
      const key = ledgerKey(account.uid);
      if (account.parentUid !== parent.uid || !keys.includes(key)) continue;
      // One that fails has not answered: the round counts it as silent.
      account.recall().then(
        () => parent.noteAnswered(key, number),
        (error: unknown) => this.#noteFailure({ upkeep: 'recall_below', ledger: account.name, error }),
      );
    }
  }

  /** What fails because the process ends is no failure. */
  #noteFailure(failure: UpkeepFailure): void {
    const { signal, onFailure, onChange } = this.#options;
    if (signal.aborted) return;
    onFailure(failure);
    const { budget } = parseLedgerName(failure.ledger) ?? {};
    // What its parent does not book any more is in its snapshot.
    if (budget && failure.upkeep === 'tell_parent') onChange(budget);
  }

  async #followParent(account: LedgerAccount, { parent }: LedgerNeed, signal: AbortSignal): Promise<void> {
    if (account.parentUid === parent?.uid) return;
    const book = parent && (await this.#account(parent.uid, parent.budget, signal));
    const name = parent ? budgetKey(parent.budget) : 'no parent';
    if (parent === undefined || book === undefined || !account.isBelow(parent.budget))
      throw new LedgerError(
        'other_parent',
        `until its period ends the ledger of this budget belongs below ${account.parentName ?? 'nobody'}, not below ${name}: nothing is granted before the next period begins`,
      );
    await account.followParent({ uid: parent.uid, book, name });
  }

  async #openPeriod(
    need: LedgerNeed,
    known: LedgerAccount | undefined,
    signal: AbortSignal,
  ): Promise<LedgerAccount> {
    const seenSeq = Math.max(need.seenSeq ?? 0, known?.snapshot().seq ?? 0);
    const { stored, seen } = await this.#adopt(need, seenSeq, signal);
    // What the actor of a ledger that is gone or lost knows is of no use any more.
    if (known && (known.uid !== stored.uid || seen !== undefined)) this.#drop(known);
    const account = this.#accountOf(stored);
    this.#forgetOlderThan(account);
    if (seen !== undefined) await account.holdMissing(seen, this.#options.clock.nowMs());
    return account;
  }

  /** The ledger as it is stored, or a new one; with what was seen of it if a person has said to go on without some of it. */
  async #adopt(
    need: LedgerNeed,
    seenSeq: number,
    signal: AbortSignal,
  ): Promise<{ stored: StoredLedger; seen?: NanoCu | undefined }> {
    const name = ledgerName(need.budget, need.period.name);
    const found = await this.#options.store.read(name, { signal });
    const at = { name, seq: found?.ledger.seq ?? 0 };
    const seen = need.recovery?.accepts(at) ? need.recovery.seen : undefined;
    if (at.seq < seenSeq && seen === undefined) throw wentBack(at, seenSeq);
    const stored = found ?? (await this.#create(need, signal));
    if (stored.ledger.period.endMs > need.period.startMs)
      return at.seq < seenSeq ? { stored, seen } : { stored };
    throw new LedgerError(
      'other_period',
      `the ledger ${name} ended before this period began: time zone or start day were changed; change them back`,
    );
  }

  async #create(need: LedgerNeed, signal: AbortSignal): Promise<StoredLedger> {
    const { budget, period, cap, enforcement, createdFor, rule, parent } = need;
    const name = ledgerName(budget, period.name);
    const { store, leadership, clock } = this.#options;
    requireLeadership(leadership);
    if (period.endMs + openSpareMs < clock.nowMs()) throw periodOver(name);
    const above = parent && { budget: parent.budget, ledgerUid: parent.uid };
    const ledger = newLedger({ budget, period, cap, enforcement, parent: above });
    try {
      return await store.create(ledger, { createdFor, ...rule }, { signal });
    } catch (error) {
      const unclear = isKubeError(error) && (error.outcomeUnknown || error.reason === 'AlreadyExists');
      const stored = unclear ? await store.read(name, { signal }) : undefined;
      if (stored === undefined) throw error;
      return stored;
    }
  }

  /** Late reports name ledgers that this process has not needed yet: of former periods, or right after a restart. */
  async #search(uid: string, budget: BudgetRef, signal: AbortSignal): Promise<LedgerAccount | undefined> {
    const name = await this.#names.find(uid, budget);
    const stored = name === undefined ? undefined : await this.#options.store.read(name, { signal });
    return stored?.uid === uid ? this.#accountOf(stored) : undefined;
  }

  /** The actor of a ledger: never two of them in one process. */
  #accountOf(stored: StoredLedger): LedgerAccount {
    const known = this.#byUid.get(stored.uid);
    if (known) return known;
    const { store, clock, notices, onEvent, onChange, onWrite, signal } = this.#options;
    const { budget } = stored.ledger;
    const onFailure = (upkeep: Upkeep, error: unknown): void =>
      this.#noteFailure({ upkeep, ledger: stored.name, error });
    const writer = new LedgerWriter({
      store,
      stored,
      clock,
      rate: this.#rate,
      onEvents: (events) => events.forEach((event) => onEvent(budget, event)),
      onChange: () => onChange(budget),
      onWrite: onWrite && ((report) => onWrite(budget, report)),
      onFailure,
      signal,
    });
    const account = new LedgerAccount(writer, {
      clock,
      notices,
      onFailure,
      askBelow: (round) => this.#recallBelow(account, round),
      find: (uid, parent) => this.#account(uid, parent, signal),
    });
    this.#byUid.set(stored.uid, account);
    return account;
  }

  /** One former period stays at hand, and others while something is out in them; they are read again when somebody names them. */
  #forgetOlderThan(account: LedgerAccount): void {
    const nowMs = this.#options.clock.nowMs();
    const others = this.#accountsOf(account.budget).filter((other) => other !== account);
    const [, ...older] = others.sort((a, b) => (a.periodName < b.periodName ? 1 : -1));
    for (const former of older) if (former.isAtRest(nowMs)) this.#drop(former);
  }

  /** Former ledgers that are at rest, or not there any more, are not looked after for ever. */
  #forget(there: ReadonlySet<string>): void {
    for (const account of this.#current.values()) this.#forgetOlderThan(account);
    for (const account of this.#byUid.values())
      if (!there.has(account.uid) && account.isLost && this.#isFormer(account)) this.#drop(account);
  }

  #accountsOf(budget: BudgetRef): LedgerAccount[] {
    const key = budgetKey(budget);
    return [...this.#byUid.values()].filter((account) => budgetKey(account.budget) === key);
  }

  #drop(account: LedgerAccount): void {
    account.endRounds();
    this.#byUid.delete(account.uid);
  }

  async #stop(signal: AbortSignal): Promise<void> {
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    for (const account of this.#byUid.values()) account.endRounds();
    await Promise.all([...this.#byUid.values()].map((account) => account.idle));
  }
}

/** Whether nothing that the leader may have written since is waited for. */
function isAsNeeded(known: LedgerSnapshot, { period, cap, enforcement }: Omit<AdoptNeed, 'budget'>): boolean {
  const isPeriod = known.period.name === period.name && known.period.endMs >= period.endMs;
  return isPeriod && known.cap === cap && known.enforcement === enforcement && !known.problem;
}

function periodOver(name: string): LedgerError {
  return new LedgerError(
    'period_over',
    `there is no ledger ${name}, and its period is over: it is not opened`,
  );
}

function wentBack(found: { name: string; seq: number }, seenSeq: number): LedgerError {
  const { name, seq } = found;
  const state = seq === 0 ? 'is gone' : `is at change ${seq}`;
  return new LedgerError(
    'lost',
    `the ledger ${name} ${state}, and the budget's status has seen change ${seenSeq}: restore the SapAiLedger from a backup, or approve to go on with what is there by the annotation ${acceptLedgerAnnotation}=${acceptance(found)} and ${approvedByAnnotation}=<your user name> on the SapAiBudget; what is missing is held then`,
  );
}
