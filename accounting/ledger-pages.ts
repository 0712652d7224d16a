import type { Ledger, LedgerRow } from './ledger.ts';
import type { MeteredUsage } from './messages.ts';

/** What a ledger has many of: a row, or a line of metered usage. Neither is ever changed in place. */
export type LedgerEntry = Readonly<LedgerRow> | MeteredUsage;

/**
 * A part of a ledger's entries that is stored by itself and never changes. Of a large ledger most entries stay as they
 * are for many writes: those are in pages, and a write stores what is not as a page says.
 */
export interface LedgerPage {
  name: string;
  /** By the key of the row, or by `usageKey`. */
  entries: ReadonlyMap<string, LedgerEntry>;
  /** Characters of its lines. */
  bytes: number;
}

/** What a ledger is beyond its pages. */
export interface BeyondPages {
  rows: readonly Readonly<LedgerRow>[];
  usage: readonly MeteredUsage[];
  /** Keys of rows that a page has and the ledger has no more. */
  gone: readonly string[];
}

/** The pages a stored ledger names; where two have one key, the later one counts. */
export class PageSet {
  readonly pages: readonly LedgerPage[];
  readonly #homes = new Map<string, LedgerPage>();
  /** What was said last: who encodes a ledger and who keeps its pages ask the same. */
  #last: { ledger: Ledger; seq: number; beyond: BeyondPages } | undefined;

  constructor(pages: readonly LedgerPage[]) {
    this.pages = pages;
    for (const page of pages) for (const key of page.entries.keys()) this.#homes.set(key, page);
  }

  /** The page that has a key. */
  homeOf(key: string): LedgerPage | undefined {
    return this.#homes.get(key);
  }

  /** All entries that pages have, by key. */
  *entries(): Iterable<[string, LedgerEntry]> {
    for (const [key, page] of this.#homes) {
      const entry = page.entries.get(key);
      if (entry !== undefined) yield [key, entry];
    }
  }

  /** What has to be stored beside these pages, so that together they are this ledger. */
  beyond(ledger: Ledger): BeyondPages {
    if (this.#last?.ledger !== ledger || this.#last.seq !== ledger.seq)
      this.#last = { ledger, seq: ledger.seq, beyond: this.#compare(ledger) };
    return this.#last.beyond;
  }

  #compare(ledger: Ledger): BeyondPages {
    const rows = this.#changed(ledger.rows);
    const usage = this.#changed(ledger.usage);
    const kept = ledger.rows.size - rows.added + (ledger.usage.size - usage.added);
    // Looked for only where something is missing.
    const gone = kept === this.#homes.size ? [] : this.#gone(ledger);
    return { rows: rows.entries, usage: usage.entries, gone };
  }

  /** Entries that are not the very objects that a page has, and how many of them no page has a key for. */
  #changed<Entry extends LedgerEntry>(
    entries: ReadonlyMap<string, Entry>,
  ): { entries: Entry[]; added: number } {
    const changed: Entry[] = [];
    let added = 0;
    for (const [key, entry] of entries) {
      const home = this.#homes.get(key);
      if (home === undefined) added += 1;
      if (home?.entries.get(key) !== entry) changed.push(entry);
    }
    return { entries: changed, added };
  }

  #gone({ rows, usage }: Ledger): string[] {
    return [...this.#homes.keys()].filter((key) => !rows.has(key) && !usage.has(key));
  }
}

/** Of a ledger that is stored in one object. */
export const noPages = new PageSet([]);
