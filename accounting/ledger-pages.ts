import type { Ledger, LedgerRow } from './ledger.ts';
import type { MeteredUsage } from './messages.ts';

/** What a ledger has many of: a row, or a line of metered usage. Neither is ever changed in place. */
export type LedgerEntry = Readonly<LedgerRow> | MeteredUsage;

/**
 * A part of a ledger's entries that is stored by itself and never changes. Of a large ledger most entries stay as they
 * are for many writes: those are in pages, and a write stores what is not as they say.
 */
export interface LedgerPage {
  name: string;
  /** By the key of the row, or by `usageKey`; undefined: the ledger has that row no more, whatever earlier pages say. */
  entries: ReadonlyMap<string, LedgerEntry | undefined>;
  /** Characters of its lines. */
  bytes: number;
}

/** The pages that a write of a ledger names, in their order: where two have one key, the later one counts. */
export interface NamedPages {
  pages: readonly LedgerPage[];
  /** Those of them that the ledger has not taken over yet, because no stored version names them. */
  added: readonly LedgerPage[];
}

/** Of a ledger that is stored in one object. */
export const noPages: NamedPages = { pages: [], added: [] };

/** What a ledger is beyond its pages. */
export interface BeyondPages {
  rows: readonly Readonly<LedgerRow>[];
  usage: readonly MeteredUsage[];
  /** Keys of rows that a page has and the ledger has no more. */
  gone: readonly string[];
}

/** What has to be stored of a ledger beside its pages, once these were added to them. */
export function beyondPages({ rows, usage }: Ledger, added: readonly LedgerPage[] = []): BeyondPages {
  const beyond = rows.beyondWith(rowsIn(added));
  return {
    rows: [...beyond.values()].filter((row) => row !== undefined),
    usage: [...usage.beyondWith(usageIn(added)).values()].filter((line) => line !== undefined),
    gone: [...beyond].flatMap(([key, row]) => (row === undefined ? [key] : [])),
  };
}

/** A ledger that was stored with these pages added takes over what they say. */
export function adoptPages({ rows, usage }: Ledger, added: readonly LedgerPage[]): void {
  rows.adopt(rowsIn(added));
  usage.adopt(usageIn(added));
}

/** Rows of pages, in the order of the pages; undefined: the row is gone. */
export function* rowsIn(
  pages: readonly LedgerPage[],
): Generator<[string, Readonly<LedgerRow> | undefined], undefined> {
  for (const { entries } of pages)
    for (const [key, entry] of entries) if (entry === undefined || 'key' in entry) yield [key, entry];
  return undefined;
}

/** Lines of metered usage in pages; they are never gone. */
export function* usageIn(pages: readonly LedgerPage[]): Generator<[string, MeteredUsage], undefined> {
  for (const { entries } of pages)
    for (const [key, entry] of entries) if (entry !== undefined && !('key' in entry)) yield [key, entry];
  return undefined;
}
