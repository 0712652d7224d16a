import { randomBytes } from 'node:crypto';
import { type LedgerPage, PageSet } from '../../accounting/ledger-pages.ts';
import { encodePage, lengthOf } from '../../accounting/entries-text.ts';
import type { Clock } from '../kube/clock.ts';
import { type PageChoice, Repeated, choosePage, lengthsByPage } from './page-choice.ts';
import type { PageStore, PagesOf } from './page-store.ts';
import type { StoredLedger } from './ledger-store.ts';
import type { WriteRate } from './write-rate.ts';

/** Longest wait for one answer of the API server. */
const callMs = 10_000;
/** How often pages that nobody names are looked for. */
const sweepEveryMs = 3_600_000;
/** After a page could not be written. */
const againAfterMs = 5000;

/** What a keeper needs; callbacks must not throw. */
export interface PageKeeperOptions {
  store: PageStore;
  pagesOf: PagesOf;
  rate: WriteRate;
  clock: Clock;
  onWrite: (report: { bytes: number; durationMs: number; outcome: 'written' | 'failed' }) => void;
  signal: AbortSignal;
}

/**
 * Writes the pages of one ledger beside its writes, so that these stay small. Nothing waits for it, and nothing depends
 * on it: a page counts once a write of the ledger names it, and is deleted only when a write of this process that does
 * not name it has been stored after that was decided. So no write that is still under way anywhere can name a page that
 * is gone: it has an older resourceVersion, and comes to nothing.
 */
export class PageKeeper {
  readonly #options: PageKeeperOptions;
  readonly #repeated = new Repeated();
  /** Written for the ledger as it is stored: the next write may name it. */
  #prepared: { page: LedgerPage; replaces: LedgerPage | undefined } | undefined;
  /** Pages to delete once a write that does not name them was begun and is stored. */
  readonly #unwanted = new Set<string>();
  /** Those that were unwanted when the write under way began. */
  #deletable: readonly string[] = [];
  #work: Promise<void> | undefined;
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: PageKeeperOptions) {
    this.#options = options;
  }

  /** Resolves when nothing is being written. */
  get idle(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /** The pages that the write which begins now is to name. */
  pagesFor({ pages }: StoredLedger): PageSet {
    this.#deletable = [...this.#unwanted];
    if (this.#prepared === undefined) return pages;
    const { page, replaces } = this.#prepared;
    const others = pages.pages.filter((other) => other !== replaces && other !== page);
    return new PageSet(page.entries.size === 0 ? others : [...others, page]);
  }

  /** The ledger was read anew: a page that was made for it as it was before is not used. */
  forget(): void {
    if (this.#prepared !== undefined) this.#unwanted.add(this.#prepared.page.name);
    this.#prepared = undefined;
  }

  /** A write of this process is stored. */
  noteStored(stored: StoredLedger): void {
    const { pages, ledger } = stored;
    const replaced = this.#adopt(pages);
    const named = new Set(pages.pages.map(({ name }) => name));
    const doomed = [...this.#deletable, ...replaced].filter((name) => !named.has(name));
    for (const name of this.#deletable) this.#unwanted.delete(name);
    const lengths = lengthsByPage(pages, pages.beyond(ledger));
    this.#repeated.add(lengths);
    if (this.#work !== undefined) for (const name of doomed) this.#unwanted.add(name);
    else this.#start(stored, { doomed, lengths });
  }

  /**
   * The stored ledger names the prepared page now, unless it was prepared while that write was under way. Returns what
   * it was named in place of.
   */
  #adopt(pages: PageSet): string[] {
    const { page, replaces } = this.#prepared ?? {};
    const named = page !== undefined && (pages.pages.includes(page) || page.entries.size === 0);
    if (!named || (replaces !== undefined && pages.pages.includes(replaces))) return [];
    this.#repeated.forget(replaces);
    this.#prepared = undefined;
    return replaces === undefined ? [] : [replaces.name];
  }

  #start(
    stored: StoredLedger,
    { doomed, lengths }: { doomed: readonly string[]; lengths: ReturnType<typeof lengthsByPage> },
  ): void {
    const nowMs = this.#options.clock.nowMs();
    const mayWrite = this.#prepared === undefined && nowMs >= this.#notBeforeMs;
    const choice = mayWrite ? choosePage(stored, { lengths, repeated: this.#repeated }) : undefined;
    const sweep = stored.pages.pages.length > 0 && nowMs - this.#sweptAtMs >= sweepEveryMs;
    if (choice === undefined && doomed.length === 0 && !sweep) return;
    if (sweep) this.#sweptAtMs = nowMs;
    this.#work = this.#upkeep({ doomed, choice, sweep }).finally(() => (this.#work = undefined));
  }

  async #upkeep(todo: {
    doomed: readonly string[];
    choice: PageChoice | undefined;
    sweep: boolean;
  }): Promise<void> {
    const { store, pagesOf } = this.#options;
    if (todo.choice !== undefined) await this.#write(todo.choice);
    // What cannot be deleted or listed now is found by a later sweep.
    for (const name of todo.doomed) await store.delete(name, this.#call()).catch(() => undefined);
    if (!todo.sweep) return;
    const names = await store.namesOf(pagesOf, this.#call()).catch(() => []);
    for (const name of names) if (name !== this.#prepared?.page.name) this.#unwanted.add(name);
  }

  async #write({ replaces, entries }: PageChoice): Promise<void> {
    const { store, pagesOf, rate, clock, onWrite, signal } = this.#options;
    const name = `${pagesOf.ledger}.${randomBytes(8).toString('hex')}`;
    const bytes = lengthOf(encodePage({ entries }));
    await rate.take(bytes, signal);
    if (signal.aborted) return;
    const startedMs = performance.now();
    const report = (outcome: 'written' | 'failed'): void =>
      onWrite({ bytes, durationMs: performance.now() - startedMs, outcome });
    try {
      if (entries.size > 0) await store.create(pagesOf, { name, entries }, this.#call());
      report('written');
      this.#prepared = { page: { name, entries, bytes }, replaces };
    } catch {
      // It may have been stored all the same.
      this.#unwanted.add(name);
      this.#notBeforeMs = clock.nowMs() + againAfterMs;
      report('failed');
    }
  }

  #call(): { signal: AbortSignal } {
    return { signal: AbortSignal.timeout(callMs) };
  }
}
