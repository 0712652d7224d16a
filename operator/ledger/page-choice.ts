import { lengthOfEntry } from '../../accounting/entries-text.ts';
import type { LedgerEntry, LedgerPage } from '../../accounting/ledger-pages.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { maxPages } from '../../crds/ledger.ts';
import type { PageIndex } from './page-index.ts';
import { pageNameLength } from './stored-length.ts';

/** How long pages are, in characters of their lines. */
export interface PageSizes {
  /** A ledger that is shorter has none. */
  readonly first: number;
  /** What is shorter is not worth a page. */
  readonly least: number;
  readonly full: number;
}

/**
 * A ledger of less is read by people in one object, and costs little to write; a page is an object of its own, with a
 * kilobyte beside its lines; writing a full one keeps nobody waiting for long.
 */
export const usualPageSizes: PageSizes = { first: 16 * 1024, least: 4 * 1024, full: 16 * 1024 };
/** The two calls of a page, to write and to delete it, cost about as much as so many characters in writes. */
const callsLength = 16 * 1024;
/** Pages that are written before it is looked again which: a megabyte. */
const mostAtOnce = 64;
/** Kept below the most pages that a ledger may name, so that there is always room for those that take others in. */
const sparePages = 32;

/** A page that is worth being written. */
export interface PageChoice {
  entries: ReadonlyMap<string, LedgerEntry | undefined>;
  /** Pages of which it has all that is still needed: they go when it comes. */
  drops: readonly LedgerPage[];
}

interface Draft {
  entries: Map<string, LedgerEntry | undefined>;
  length: number;
}

/**
 * Pages that are worth being written now. What writes have to repeat beside the pages goes into a new page once that is
 * enough; what has changed since the write before is likely to change again, and stays. Pages of which most is not needed
 * any more are taken in, so that all of them together are about twice as long as what is needed.
 */
export function choosePages(
  { ledger, index, sizes = usualPageSizes }: { ledger: Ledger; index: PageIndex; sizes?: PageSizes },
  isLasting: (entry: LedgerEntry) => boolean,
): PageChoice[] {
  const { lasting, fresh } = beyondIn(ledger, isLasting);
  const drafts = cut(lasting, sizes);
  const length = drafts.reduce((sum, draft) => sum + draft.length, 0);
  if (length < enoughFor(index, fresh, sizes)) return [];
  const room = Math.min(mostAtOnce, maxPages - index.pages.length);
  const chosen = drafts.slice(0, Math.max(0, room));
  return chosen.map((draft, at) => ({
    entries: draft.entries,
    drops: at === chosen.length - 1 ? takeIn(draft, { ledger, index, added: chosen, sizes }) : [],
  }));
}

/**
 * Half of this is repeated by each write. Beside that each write has the names of all pages, of which there are fewer the
 * longer they are, and its part of the calls that a page takes: with both it is about least where they are the same. A page
 * that was begun with this takes others in, and is longer.
 */
function enoughFor(index: PageIndex, fresh: number, { first, least, full }: PageSizes): number {
  if (index.pages.length === 0) return first;
  const byNames = Math.sqrt(4 * pageNameLength * index.bytes);
  const byCalls = Math.sqrt(2 * callsLength * fresh);
  return Math.max(least, Math.min(full, Math.floor(Math.max(byNames, byCalls))));
}

/** What is not as the pages say: what has not changed lately, and the characters of the rest. */
function beyondIn(
  { rows, usage }: Ledger,
  isLasting: (entry: LedgerEntry) => boolean,
): { lasting: [string, LedgerEntry | undefined][]; fresh: number } {
  const all = [...rows.beyond, ...usage.beyond];
  const lasting = all.filter(([, entry]) => entry === undefined || isLasting(entry));
  let fresh = 0;
  for (const [key, entry] of all)
    if (entry !== undefined && !isLasting(entry)) fresh += lengthOfEntry(key, entry);
  return { lasting, fresh };
}

/** These entries in pages, each of which has as much as there is room for. */
function cut(entries: Iterable<[string, LedgerEntry | undefined]>, { full }: PageSizes): Draft[] {
  const drafts: Draft[] = [];
  for (const [key, entry] of entries) {
    let last = drafts.at(-1);
    if (last === undefined || last.length >= full) drafts.push((last = { entries: new Map(), length: 0 }));
    put(last, key, entry);
  }
  return drafts;
}

function put(draft: Draft, key: string, entry: LedgerEntry | undefined): void {
  draft.entries.set(key, entry);
  draft.length += lengthOfEntry(key, entry);
}

/** Puts into a page what is needed of those that are needed least, while there is room and they are too long together. */
function takeIn(
  draft: Draft,
  {
    ledger,
    index,
    added,
    sizes,
  }: { ledger: Ledger; index: PageIndex; added: readonly Draft[]; sizes: PageSizes },
): LedgerPage[] {
  const drops = new Set<LedgerPage>();
  const replaced = added.reduce((sum, { entries }) => sum + replacedBy(entries, index), 0);
  const grown = added.reduce((sum, { length }) => sum + length, 0);
  const needed = index.needed - replaced + grown;
  let bytes = index.bytes + grown;
  const least = index.pages.toSorted((a, b) => index.neededOf(a) / a.bytes - index.neededOf(b) / b.bytes);
  for (const page of least) {
    const tooMany = index.pages.length - drops.size > maxPages - sparePages;
    if (draft.length >= sizes.full || (bytes <= 2 * needed + sizes.full && !tooMany)) break;
    const before = draft.length;
    drops.add(page);
    move(page, { draft, ledger, index, added, drops });
    bytes += draft.length - before - page.bytes;
  }
  return [...drops];
}

/** Characters in pages that these entries are in place of. */
function replacedBy(entries: ReadonlyMap<string, LedgerEntry | undefined>, index: PageIndex): number {
  let length = 0;
  for (const key of entries.keys()) {
    const entry = index.homeOf(key)?.entries.get(key);
    if (entry !== undefined) length += lengthOfEntry(key, entry);
  }
  return length;
}

/** What only this page says, as it is by now; that a row is gone only where an earlier page still has it. */
function move(
  page: LedgerPage,
  into: {
    draft: Draft;
    ledger: Ledger;
    index: PageIndex;
    added: readonly Draft[];
    drops: ReadonlySet<LedgerPage>;
  },
): void {
  const { draft, ledger, index, added, drops } = into;
  for (const [key, said] of page.entries) {
    if (index.homeOf(key) !== page || added.some(({ entries }) => entries.has(key))) continue;
    const entry = ledger.rows.get(key) ?? ledger.usage.get(key);
    if (entry !== undefined || said !== undefined || index.isElsewhere(key, drops)) put(draft, key, entry);
  }
}
