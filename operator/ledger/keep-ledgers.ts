import { type BudgetRef, parseBudgetKey } from '../configuration/budget-ref.ts';
import { runEvery } from '../kube/run-every.ts';
import type { LedgerAccount } from './ledger-account.ts';
import type { StoredLedger } from './ledger-store.ts';
import type { LedgersOptions } from './ledgers.ts';
import { RowFolding } from './row-folding.ts';
import { UnnamedLedgers } from './unnamed-ledgers.ts';
import type { Upkeep } from './upkeep.ts';

const defaultExpireEveryMs = 5000;
const defaultFoldEveryMs = 60_000;
const defaultTellEveryMs = 5000;
/** A list reads all ledgers in the API server. */
const defaultLookEveryMs = 300_000;
/** How old what is known of a ledger may be where other replicas write it, and where they do not. */
const maxAgeMs = { withPeers: 4_000, alone: 60_000 };
/** Ledgers below others that are looked for at once, which this process has not needed yet. */
const maxLooksBelow = 10;

/** What the upkeep of ledgers needs beside the settings of their registry. */
export interface KeepOptions {
  settings: Pick<
    LedgersOptions,
    | 'clock'
    | 'leadership'
    | 'hasPeers'
    | 'podIsGone'
    | 'onFailure'
    | 'expireEveryMs'
    | 'foldEveryMs'
    | 'tellEveryMs'
    | 'lookEveryMs'
    | 'store'
    | 'signal'
  >;
  /** The ledgers that are at hand, by uid. */
  accounts: ReadonlyMap<string, LedgerAccount>;
  /** Brings a ledger to hand. */
  find: (uid: string, budget: BudgetRef) => Promise<unknown>;
  /** Takes a ledger to hand that was just read. */
  adopt: (stored: StoredLedger) => void;
  /** Lets go of former ledgers that are at rest or not `there` any more (uids). */
  forget: (there: ReadonlySet<string>) => void;
}

/** Looks after the ledgers at hand while this replica leads, until the signal fires. */
export async function keepLedgers(options: KeepOptions): Promise<void> {
  const { settings, accounts } = options;
  const { clock, podIsGone: isGone, leadership, signal } = settings;
  const folding = new RowFolding({ clock, isGone });
  const unnamed = new UnnamedLedgers({
    ...settings,
    isAtHand: (uid) => accounts.has(uid),
    adopt: options.adopt,
  });
  const every = (ms: number, work: () => Promise<void> | void): Promise<void> =>
    runEvery(ms, () => (leadership.leads() ? work() : undefined), { clock, signal });
  await Promise.all([
    every(settings.expireEveryMs ?? defaultExpireEveryMs, () => expireAll(options)),
    every(settings.foldEveryMs ?? defaultFoldEveryMs, () => foldAll(options, folding)),
    every(settings.tellEveryMs ?? defaultTellEveryMs, () => tellAll(options)),
    every(settings.lookEveryMs ?? defaultLookEveryMs, () => look(options, unnamed)),
  ]);
}

/** Looks for silent holders. A ledger that is slow keeps no other one waiting. */
function expireAll({ settings, accounts }: KeepOptions): void {
  const { clock, hasPeers } = settings;
  const age = { maxAgeMs: hasPeers?.() === true ? maxAgeMs.withPeers : maxAgeMs.alone };
  for (const account of accounts.values()) {
    // What went wrong is in the account's snapshot.
    account.expire(clock.nowMs(), age).catch(() => undefined);
  }
}

/** Folds rows of pods that are gone, one ledger after the other. */
async function foldAll(options: KeepOptions, folding: RowFolding): Promise<void> {
  for (const account of options.accounts.values()) {
    if (options.settings.signal.aborted) return;
    await folding.fold(account).catch(noteFailure(options, 'fold', account));
  }
}

/** Has ledgers tell those they are holders in what is new. */
async function tellAll(options: KeepOptions): Promise<void> {
  const all = (work: (account: LedgerAccount) => Promise<void>): Promise<unknown> =>
    Promise.all([...options.accounts.values()].map(work));
  await all((account) => lookBelow(options, account));
  await all((account) => account.tellParent().catch(noteFailure(options, 'tell_parent', account)));
}

/** Looks for ledgers that nobody names any more. */
async function look({ settings, forget }: KeepOptions, unnamed: UnnamedLedgers): Promise<void> {
  try {
    forget(await unnamed.look());
  } catch (error) {
    settings.onFailure({ upkeep: 'look_for_ledgers', ledger: '-', error });
  }
}

/** Ledgers of budgets that are gone are kept by nobody else: what they have must come back all the same. */
async function lookBelow(options: KeepOptions, account: LedgerAccount): Promise<void> {
  const { accounts, find } = options;
  const unknown = account.ledgersBelow().filter(({ uid }) => !accounts.has(uid));
  for (const { uid, name } of unknown.slice(0, maxLooksBelow))
    await find(uid, parseBudgetKey(name)).catch(noteFailure(options, 'look_below', account));
}

function noteFailure(
  { settings }: KeepOptions,
  upkeep: Upkeep,
  { name: ledger }: LedgerAccount,
): (error: unknown) => void {
  return (error) => settings.onFailure({ upkeep, ledger, error });
}
