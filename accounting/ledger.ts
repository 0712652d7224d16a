import type { NanoCu } from './amount.ts';
import type { Share } from './ledger-shares.ts';
import type { MeteredUsage, UnknownCost } from './messages.ts';
import { LiveHolders } from './live-holders.ts';
import { addUsage, utcDay } from './metered-usage.ts';
import { PagedEntries } from './paged-entries.ts';

/**
 * The ledger of one budget and period: who holds which part of the cap. Plain data and functions without I/O; the
 * operator stores it after every change and before any answer leaves. All amounts are nano-CU.
 *
 *   available = cap − settled − outstanding − held
 *
 * One row per holder (pod uid, or uid of a ledger) with cumulative figures, so that every message can be repeated.
 */
export interface Ledger {
  budget: { namespace: string; name: string };
  period: { name: string; startMs: number; endMs: number };
  cap: NanoCu;
  /** Shadow: figures are kept, and grants pass the cap where somebody asks for it. */
  enforcement: Enforcement;
  /** Counts changes; a ledger whose `seq` is as stored needs no write. */
  seq: number;
  /** Never changed in place: a row that is the same object is the same in every version of the ledger. */
  rows: PagedEntries<Readonly<LedgerRow>>;
  totals: LedgerTotals;
  /** How many leases run: among their holders the next shares are divided. */
  live: LiveHolders;
  /** What was metered by day, model and version: for people, grants do not depend on it. */
  usage: PagedEntries<MeteredUsage>;
  /** What this ledger has from the one it is a holder in; absent: its cap alone limits it. */
  parent?: ParentLease;
  /** Promises to holders that are ledgers, by name. */
  shares: ReadonlyMap<string, Share>;
}

/** What a ledger has from another one: amounts are cumulative, and what was reported is `seq` reports. */
export interface ParentLease {
  /** Budget and uid of the ledger it is a holder in. */
  budget: { namespace: string; name: string };
  ledgerUid: string;
  /** 0 until the parent has answered `open`. */
  incarnation: number;
  /** Number of the last report that was answered. */
  seq: number;
  granted: NanoCu;
  returned: NanoCu;
  /** What the parent found to be spent beyond its grants. */
  overrun: NanoCu;
}

/** Whether a cap is enforced, or only compared with. */
export type Enforcement = 'Enforce' | 'Shadow';

/** Sums over all rows, kept along with every change. `overrun` is part of `settled`. */
export interface LedgerTotals {
  settled: NanoCu;
  outstanding: NanoCu;
  held: NanoCu;
  overrun: NanoCu;
}

/** `open`: its holder reports. `expired`: silent past its deadline, the rest is held. `released`: evidence decided. */
export type RowState = 'open' | 'expired' | 'released';

export interface LedgerRow {
  /** `pod:<uid>`, or `ledger:<uid>` where the holder is a ledger */
  key: string;
  /** `<namespace>/<name>` of the pod or of the ledger's budget, for people. */
  name: string;
  state: RowState;
  /** Process of the holder that may spend, its random id, and the ids that no longer may, newest first. */
  incarnation: number;
  processId: string;
  olderProcessIds: string[];
  /** The oldest process whose journal all later ones went on from; the newest itself if it began without one. */
  wholeSince: number;
  /** Number of the last report booked. */
  seq: number;
  granted: NanoCu;
  /** Known cost, `overrun` included. */
  spent: NanoCu;
  /** Part of `spent` beyond what requests had reserved, or beyond what was granted. */
  overrun: NanoCu;
  unknown: NanoCu;
  /** Left unexplained by processes whose journal is gone. */
  lost: NanoCu;
  returned: NanoCu;
  /** Given back by evidence. */
  released: NanoCu;
  /** End of the lease, seconds since the epoch by the operator's clock. */
  expires: number;
  /** When the last SAP token given to this pod ends, seconds since the epoch; 0: none was given. */
  tokenExpires: number;
  /** What `unknown` consists of, as far as it is itemised. */
  unknownCosts: UnknownCost[];
  lostSinceMs: number;
}

const ledgerKeyPrefix = 'ledger:';

/** Key of the row of a holder that is a ledger. */
export function ledgerKey(uid: string): string {
  return `${ledgerKeyPrefix}${uid}`;
}

/** Whether the holder of a row with this key is a ledger. */
export function isLedgerKey(key: string): boolean {
  return key.startsWith(ledgerKeyPrefix);
}

/** A ledger of nothing yet; `parent` makes it a holder in another one, for good. */
export function newLedger({
  parent,
  ...identity
}: Pick<Ledger, 'budget' | 'period' | 'cap'> & {
  enforcement?: Enforcement;
  parent?: Pick<ParentLease, 'budget' | 'ledgerUid'> | undefined;
}): Ledger {
  return {
    enforcement: 'Enforce',
    ...identity,
    seq: 0,
    rows: new PagedEntries(),
    totals: { settled: 0n, outstanding: 0n, held: 0n, overrun: 0n },
    live: new LiveHolders(),
    usage: new PagedEntries(),
    ...(parent && {
      parent: { ...parent, incarnation: 0, seq: 0, granted: 0n, returned: 0n, overrun: 0n },
    }),
    shares: new Map(),
  };
}

/** A row of which nothing is known yet. */
export function emptyRow(identity: Pick<LedgerRow, 'key' | 'name' | 'state'>): LedgerRow {
  return {
    ...identity,
    incarnation: 0,
    processId: '',
    olderProcessIds: [],
    wholeSince: 0,
    seq: 0,
    granted: 0n,
    spent: 0n,
    overrun: 0n,
    unknown: 0n,
    lost: 0n,
    returned: 0n,
    released: 0n,
    expires: 0,
    tokenExpires: 0,
    unknownCosts: [],
    lostSinceMs: 0,
  };
}

/** What may still be granted; below zero when the cap was lowered under what is out, or by an overrun. */
export function available(ledger: Ledger): NanoCu {
  const { settled, outstanding, held } = ledger.totals;
  return ledger.cap - settled - outstanding - held;
}

/** Whether more is spent, outstanding and held than may be: holders are to give back what they do not use. */
export function isOvercommitted(ledger: Ledger): boolean {
  return ledger.enforcement === 'Enforce' && available(ledger) < 0n;
}

/** The part of a row's grants that nothing has used: its holder's while open, held once expired. */
export function unused(row: Readonly<LedgerRow>): NanoCu {
  const rest = restOf(row);
  return rest > 0n ? rest : 0n;
}

/** Whether what a row says of its grants is within them: whatever is booked beyond is overrun, so it is in every row of ours. */
export function addsUp(row: Readonly<LedgerRow>): boolean {
  return restOf(row) >= 0n;
}

function restOf(row: Readonly<LedgerRow>): NanoCu {
  const inBound = row.spent - row.overrun;
  return row.granted - inBound - row.unknown - row.lost - row.returned - row.released;
}

export function totalsOf(row: Readonly<LedgerRow>): LedgerTotals {
  const rest = unused(row);
  return {
    settled: row.spent,
    outstanding: row.state === 'open' ? rest : 0n,
    held: row.unknown + row.lost + (row.state === 'open' ? 0n : rest),
    overrun: row.overrun,
  };
}

/** Sums of the rows counted anew: equal to `ledger.totals`, or somebody has edited the ledger. */
export function sumRows(rows: Iterable<Readonly<LedgerRow>>): LedgerTotals {
  const sum: LedgerTotals = { settled: 0n, outstanding: 0n, held: 0n, overrun: 0n };
  for (const row of rows) addTotals(sum, totalsOf(row), 1n);
  return sum;
}

/** Whose leases run by these rows, counted anew. */
export function liveHolders(rows: Iterable<Readonly<LedgerRow>>): LiveHolders {
  const live = new LiveHolders();
  for (const row of rows) live.note(row, 1);
  return live;
}

/**
 * The only way a row changes: puts a changed copy in its place, keeps the sums and counts the change. Returns the row
 * as it is now.
 */
export function changeRow(
  ledger: Ledger,
  row: Readonly<LedgerRow>,
  change: (row: LedgerRow) => void,
): Readonly<LedgerRow> {
  const changed = { ...row };
  change(changed);
  const before = ledger.rows.get(row.key);
  if (before !== undefined) {
    addTotals(ledger.totals, totalsOf(before), -1n);
    ledger.live.note(before, -1);
  }
  addTotals(ledger.totals, totalsOf(changed), 1n);
  ledger.live.note(changed, 1);
  ledger.rows.set(row.key, changed);
  ledger.seq += 1;
  return changed;
}

/** A ledger that can be changed without this one: what no change touches is shared. */
export function copyLedger(ledger: Ledger): Ledger {
  const { rows, totals, live, usage } = ledger;
  return { ...ledger, rows: rows.copy(), totals: { ...totals }, live: live.copy(), usage: usage.copy() };
}

/** Lines of metered usage that are kept apart; the rest of a day is one more line. */
export const maxMeteredLines = 1200;

/** Adds metered usage; a day outside the period (a holder's clock is wrong) counts as its first or last one. */
export function meter(ledger: Ledger, usage: readonly MeteredUsage[] = []): void {
  const { startMs, endMs } = ledger.period;
  for (const line of usage) {
    const dayMs = Date.parse(line.day);
    const withinMs = Math.min(Math.max(Number.isNaN(dayMs) ? 0 : dayMs, startMs), endMs - 1);
    addUsage(ledger.usage, { ...line, day: utcDay(withinMs) }, maxMeteredLines);
  }
}

/** Counts a change that changes nothing else: no write that was prepared before it can be stored after it. */
export function touch(ledger: Ledger): void {
  ledger.seq += 1;
}

/** The user's limit as this ledger enforces it from now on. Lowering it below what is out only stops grants. */
export function setCap(ledger: Ledger, cap: NanoCu): void {
  if (ledger.cap === cap) return;
  ledger.cap = cap;
  ledger.seq += 1;
}

/** Enforces the cap from now on, or no longer. What was granted in Shadow is out all the same: no grant passes the cap with it. */
export function setEnforcement(ledger: Ledger, enforcement: Enforcement): void {
  if (ledger.enforcement === enforcement) return;
  ledger.enforcement = enforcement;
  ledger.seq += 1;
}

/** Lets the period end later, so that the next one can begin at another day; it never ends earlier than it was opened for. */
export function extendPeriod(ledger: Ledger, endMs: number): void {
  if (endMs <= ledger.period.endMs) return;
  ledger.period = { ...ledger.period, endMs };
  ledger.seq += 1;
}

function addTotals(sum: LedgerTotals, part: LedgerTotals, sign: 1n | -1n): void {
  sum.settled += sign * part.settled;
  sum.outstanding += sign * part.outstanding;
  sum.held += sign * part.held;
  sum.overrun += sign * part.overrun;
}
