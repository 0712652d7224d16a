import type { BeyondPages, LedgerEntry, LedgerPage, PageSet } from '../../accounting/ledger-pages.ts';
import { lengthOfEntry } from '../../accounting/entries-text.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { usageKey } from '../../accounting/metered-usage.ts';
import { maxPages } from '../../crds/ledger.ts';

/** Characters of one page: writing one keeps nobody waiting for long, and a large ledger names some dozens of them. */
export const pageLength = 16 * 1024;
/** A ledger whose lines are fewer characters is read by people in one object, and costs little to write. */
const firstPageFrom = 16 * 1024;

/** Pages that are written before it is looked again which: a megabyte. */
const mostAtOnce = 64;

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
 * Pages that are worth being written now: those because of which writes have repeated as much as it would cost to write
 * them. So whatever changes how often, no more than twice of what would be best is written.
 */
export function choosePages(
  { pages, ledger }: { pages: PageSet; ledger: Ledger },
  { lengths, repeated }: { lengths: ReadonlyMap<LedgerPage | undefined, number>; repeated: Repeated },
): PageChoice[] {
  const worthIt = pages.pages
    .filter((page) => repeated.of(page) >= page.bytes)
    .toSorted((a, b) => repeated.of(b) - repeated.of(a))
    .slice(0, mostAtOnce);
  const homeless = homelessIn(pages, ledger);
  const choices = worthIt.map((page): PageChoice => {
    const own = [...page.entries.keys()].map(
      (key) => [key, ledger.rows.get(key) ?? ledger.usage.get(key)] as const,
    );
    return { replaces: page, entries: filled(own, homeless) };
  });
  const length = lengths.get(undefined) ?? 0;
  if (length < firstPageFrom || repeated.of(undefined) < length) return choices;
  const room = Math.min(mostAtOnce - choices.length, maxPages - pages.pages.length);
  for (let added = 0; added < room; added += 1) {
    const entries = filled([], homeless);
    if (entries.size > 0) choices.push({ replaces: undefined, entries });
  }
  return choices;
}

/** Entries that no page has. */
function* homelessIn(pages: PageSet, { rows, usage }: Ledger): Generator<[string, LedgerEntry], undefined> {
  for (const entries of [rows, usage])
    for (const [key, entry] of entries) if (pages.homeOf(key) === undefined) yield [key, entry];
  return undefined;
}

/** These entries, as far as they are still there, and as many of the others as there is room for. */
function filled(
  own: readonly (readonly [string, LedgerEntry | undefined])[],
  others: Generator<[string, LedgerEntry], undefined>,
): ReadonlyMap<string, LedgerEntry> {
  const entries = new Map<string, LedgerEntry>();
  let length = 0;
  for (const [key, entry] of own) {
    if (entry === undefined) continue;
    entries.set(key, entry);
    length += lengthOfEntry(entry);
  }
  while (length < pageLength) {
    const { value } = others.next();
    if (value === undefined) break;
    entries.set(...value);
    length += lengthOfEntry(value[1]);
  }
  return entries;
}
