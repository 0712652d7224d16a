import { lengthOfEntry } from '../../accounting/entries-text.ts';
import type { LedgerPage } from '../../accounting/ledger-pages.ts';

/** Which page says what is latest of a key, and how much of each page is still needed for that. */
export class PageIndex {
  readonly #homes = new Map<string, LedgerPage>();
  /** Characters of entries that no later page has. */
  readonly #needed = new Map<LedgerPage, number>();
  #allBytes = 0;
  #allNeeded = 0;

  /** Of these pages; a later one counts more. */
  constructor(pages: readonly LedgerPage[] = []) {
    for (const page of pages) this.add(page);
  }

  get pages(): readonly LedgerPage[] {
    return [...this.#needed.keys()];
  }
  /** Characters of all pages. */
  get bytes(): number {
    return this.#allBytes;
  }
  /** Characters that would do if no page had anything that a later one has. */
  get needed(): number {
    return this.#allNeeded;
  }

  neededOf(page: LedgerPage): number {
    return this.#needed.get(page) ?? 0;
  }

  /** The latest page that has a key. */
  homeOf(key: string): LedgerPage | undefined {
    return this.#homes.get(key);
  }

  /** Whether another page than these has a key, too. */
  isElsewhere(key: string, pages: ReadonlySet<LedgerPage>): boolean {
    return this.pages.some((page) => !pages.has(page) && page.entries.has(key));
  }

  add(page: LedgerPage): void {
    this.#needed.set(page, 0);
    this.#allBytes += page.bytes;
    for (const key of page.entries.keys()) {
      this.#count(key, -1);
      this.#homes.set(key, page);
      this.#count(key, 1);
    }
  }

  follow({ added, dropped }: Record<'added' | 'dropped', readonly LedgerPage[]>): void {
    for (const page of added) this.add(page);
    for (const page of dropped) this.drop(page);
  }

  /** A page goes of which later pages have all that is still needed. */
  drop(page: LedgerPage): void {
    this.#allBytes -= page.bytes;
    for (const key of page.entries.keys()) {
      if (this.#homes.get(key) !== page) continue;
      this.#count(key, -1);
      this.#homes.delete(key);
    }
    this.#needed.delete(page);
  }

  /** That a row is gone is needed only for as long as earlier pages have it: it is not counted. */
  #count(key: string, sign: 1 | -1): void {
    const page = this.#homes.get(key);
    const entry = page?.entries.get(key);
    if (page === undefined || entry === undefined) return;
    const length = sign * lengthOfEntry(key, entry);
    this.#needed.set(page, this.neededOf(page) + length);
    this.#allNeeded += length;
  }
}
