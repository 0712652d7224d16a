import type { BeyondPages, LedgerEntry, LedgerPage, PageSet } from '../../accounting/ledger-pages.ts';
import { lengthOfEntry } from '../../accounting/entries-text.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { usageKey } from '../../accounting/metered-usage.ts';
import { maxPages } from '../../crds/ledger.ts';

/** Characters of one page: small enough to be replaced often, large enough that a ledger has few of them. */
const pageLength = 32 * 1024;
/** A ledger whose lines are fewer characters is read by people in one object, and costs little to write. */
const firstPageFrom = 16 * 1024;

/** A page that is worth being written. */
export interface PageChoice {
  /** The page it is written in place of; undefined: for entries that no page has. */
  replaces: LedgerPage | undefined;
  entries: ReadonlyMap<string, LedgerEntry>;
}

/** How many characters the writes so far have repeated because of one page, or because there is none (undefined). */
export class Repeated {
  readonly #lengths = new Map<LedgerPage | undefined, number>();

  /** What the last write repeated. */
  add(lengths: ReadonlyMap<LedgerPage | undefined, number>): void {
    for (const page of this.#lengths.keys()) if (!lengths.has(page)) this.#lengths.delete(page);
    for (const [page, length] of lengths) this.#lengths.set(page, (this.#lengths.get(page) ?? 0) + length);
  }

  of(page: LedgerPage | undefined): number {
    return this.#lengths.get(page) ?? 0;
  }

  forget(page: LedgerPage | undefined): void {
    this.#lengths.delete(page);
  }
}

/** How many characters of a write were repeated because of each page, and because no page has them (undefined). */
export function lengthsByPage(
  pages: PageSet,
  beyond: BeyondPages,
): ReadonlyMap<LedgerPage | undefined, number> {
  const lengths = new Map<LedgerPage | undefined, number>();
  const add = (key: string, length: number): void => {
    const page = pages.homeOf(key);
    lengths.set(page, (lengths.get(page) ?? 0) + length);
  };
  for (const row of beyond.rows) add(row.key, lengthOfEntry(row));
  for (const line of beyond.usage) add(usageKey(line), lengthOfEntry(line));
  for (const key of beyond.gone) add(key, key.length);
  return lengths;
}

/**
 * The page that is worth being written now: the one because of which writes have repeated as much as it would cost to
 * write it. So whatever changes how often, no more than twice of what would be best is written.
 */
export function choosePage(
  { pages, ledger }: { pages: PageSet; ledger: Ledger },
  { lengths, repeated }: { lengths: ReadonlyMap<LedgerPage | undefined, number>; repeated: Repeated },
): PageChoice | undefined {
  const worst = pages.pages
    .filter((page) => repeated.of(page) >= page.bytes)
    .reduce<LedgerPage | undefined>(
      (most, page) => (repeated.of(page) > repeated.of(most) ? page : most),
      undefined,
    );
  if (worst !== undefined) return { replaces: worst, entries: entriesFor(worst, { pages, ledger }) };
  const homeless = lengths.get(undefined) ?? 0;
  const worthIt = homeless >= firstPageFrom && repeated.of(undefined) >= homeless;
  if (!worthIt || pages.pages.length >= maxPages) return undefined;
  return { replaces: undefined, entries: entriesFor(undefined, { pages, ledger }) };
}

/** What the replaced page had, as it is now, and as much of what no page has as there is room for. */
function entriesFor(
  replaces: LedgerPage | undefined,
  { pages, ledger }: { pages: PageSet; ledger: Ledger },
): ReadonlyMap<string, LedgerEntry> {
  const entries = new Map<string, LedgerEntry>();
  let length = 0;
  const take = (key: string, entry: LedgerEntry | undefined): void => {
    if (entry === undefined) return;
    entries.set(key, entry);
    length += lengthOfEntry(entry);
  };
  for (const key of replaces?.entries.keys() ?? []) take(key, ledger.rows.get(key) ?? ledger.usage.get(key));
  for (const all of [ledger.rows, ledger.usage]) {
    for (const [key, entry] of all) {
      if (length >= pageLength) return entries;
      if (pages.homeOf(key) === undefined) take(key, entry);
    }
  }
  return entries;
}
