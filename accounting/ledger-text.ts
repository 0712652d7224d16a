import { formatAmount, parseAmount } from './amount.ts';
import { type Entries, type EntriesText, LedgerTextError } from './entries-text.ts';
import { decodeEntries, encodeEntries, expect, readable } from './entries-text.ts';
import { type LedgerPage, beyondPages, noPages, rowsIn, usageIn } from './ledger-pages.ts';
import type { Enforcement, Ledger, LedgerRow, LedgerTotals, ParentLease } from './ledger.ts';
import { addsUp, liveHolders, sumRows } from './ledger.ts';
import { PagedEntries } from './paged-entries.ts';
import { decodeShares, encodeShares } from './shares-text.ts';

/** A ledger as the API server stores it: a few sums, and the entries that none of its pages has as they are. */
export interface LedgerText extends EntriesText {
  budget: { namespace: string; name: string };
  period: string;
  periodStart: string;
  periodEnd: string;
  cap: string;
  enforcement: Enforcement;
  seq: number;
  settled: string;
  outstanding: string;
  held: string;
  overrun: string;
  /** Names of the pages that have the other entries. */
  pages: readonly string[];
  /** Of a ledger that is a holder in another one. */
  parent?: ParentText | undefined;
  shares: string;
}

/** The holder's half of a lease from another ledger. */
interface ParentText extends Pick<ParentLease, 'ledgerUid' | 'incarnation' | 'seq'> {
  namespace: string;
  name: string;
  granted: string;
  returned: string;
  overrun: string;
}

/** What is stored of a ledger beside these pages: all that those it has taken over do not say, nor those that are added. */
export function encodeLedger(ledger: Ledger, { pages, added } = noPages): LedgerText {
  const { settled, outstanding, held, overrun } = ledger.totals;
  return {
    budget: ledger.budget,
    period: ledger.period.name,
    periodStart: new Date(ledger.period.startMs).toISOString(),
    periodEnd: new Date(ledger.period.endMs).toISOString(),
    cap: formatAmount(ledger.cap),
    enforcement: ledger.enforcement,
    seq: ledger.seq,
    settled: formatAmount(settled),
    outstanding: formatAmount(outstanding),
    held: formatAmount(held),
    overrun: formatAmount(overrun),
    pages: pages.map(({ name }) => name),
    ...encodeEntries(beyondPages(ledger, added)),
    ...(ledger.parent && { parent: encodeParent(ledger.parent) }),
    shares: encodeShares(ledger.shares),
  };
}

/**
 * Reads a stored ledger and what its pages have. Throws LedgerTextError when a line cannot be read or the rows do not add
 * up to the sums.
 */
export function decodeLedger(text: LedgerText, pages: readonly LedgerPage[] = []): Ledger {
  return readable(() => {
    const { rows, usage } = withPages(decodeEntries(text), pages);
    checkRows(rows.values());
    const totals = sumRows(rows.values());
    const { budget, period, enforcement, seq } = text;
    const [startMs, endMs] = [Date.parse(text.periodStart), Date.parse(text.periodEnd)];
    expect(Number.isFinite(startMs) && Number.isFinite(endMs), 'the period has no valid bounds');
    checkSums(text, totals);
    return {
      budget,
      period: { name: period, startMs, endMs },
      cap: parseAmount(text.cap),
      enforcement,
      seq,
      rows,
      totals,
      live: liveHolders(rows.values()),
      usage,
      ...(text.parent && { parent: decodeParent(text.parent) }),
      shares: decodeShares(text.shares),
    };
  });
}

function encodeParent({ budget, ledgerUid, incarnation, seq, ...amounts }: ParentLease): ParentText {
  return {
    ...budget,
    ledgerUid,
    incarnation,
    seq,
    granted: formatAmount(amounts.granted),
    returned: formatAmount(amounts.returned),
    overrun: formatAmount(amounts.overrun),
  };
}

function decodeParent({ namespace, name, ledgerUid, incarnation, seq, ...texts }: ParentText): ParentLease {
  return {
    budget: { namespace, name },
    ledgerUid,
    incarnation,
    seq,
    granted: parseAmount(texts.granted),
    returned: parseAmount(texts.returned),
    overrun: parseAmount(texts.overrun),
  };
}

/** A row that says more than it was granted would be none of ours, and its excess is in no sum. */
function checkRows(rows: Iterable<Readonly<LedgerRow>>): void {
  for (const row of rows) {
    if (addsUp(row)) continue;
    const found = `the parts of row ${row.key} are more than the ${formatAmount(row.granted)} CU it was granted`;
    throw new LedgerTextError('does_not_add_up', `the ledger was changed by somebody else: ${found}`);
  }
}

function checkSums(text: LedgerText, totals: LedgerTotals): void {
  for (const sum of ['settled', 'outstanding', 'held', 'overrun'] as const) {
    if (parseAmount(text[sum]) === totals[sum]) continue;
    const found = `${sum} says ${text[sum]} CU, the rows add up to ${formatAmount(totals[sum])} CU`;
    throw new LedgerTextError('does_not_add_up', `the ledger was changed by somebody else: ${found}`);
  }
}

/** What is stored beside the pages comes after them. */
function withPages(
  { rows, usage, gone }: Entries,
  pages: readonly LedgerPage[],
): { rows: Ledger['rows']; usage: Ledger['usage'] } {
  const beyond = new Map<string, Readonly<LedgerRow> | undefined>(rows);
  for (const key of gone) beyond.set(key, undefined);
  return {
    rows: new PagedEntries(latest(rowsIn(pages)), beyond),
    usage: new PagedEntries(latest(usageIn(pages)), usage),
  };
}

function latest<Entry>(said: Iterable<readonly [string, Entry | undefined]>): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [key, entry] of said)
    if (entry === undefined) entries.delete(key);
    else entries.set(key, entry);
  return entries;
}
