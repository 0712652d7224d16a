import { randomBytes } from 'node:crypto';
import { type LedgerPage, PageSet } from '../../accounting/ledger-pages.ts';
import { encodePage, lengthOf } from '../../accounting/entries-text.ts';
import type { Clock } from '../kube/clock.ts';
import { type PageChoice, Repeated, choosePages, lengthsByPage, pageLength } from './page-choice.ts';
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
  /** Told of what a later sweep is to make good. */
  onFailure: (upkeep: 'delete_page' | 'list_pages', error: unknown) => void;
  signal: AbortSignal;
}

interface Prepared {
  page: LedgerPage;
  replaces: LedgerPage | undefined;
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
  /** Written for the ledger as it is stored: the next write is to name them. */
  #prepared: readonly Prepared[] = [];
  /** Pages to delete once a write that does not name them was begun and is stored. */
  readonly #unwanted = new Set<string>();
  /** Those that were unwanted when the write under way began. */
  #deletable: readonly string[] = [];
  /** How often the ledger was read anew. */
  #version = 0;
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
    if (this.#prepared.length === 0) return pages;
    const replaced = new Set(this.#prepared.map(({ replaces }) => replaces));
    const added = this.#prepared.map(({ page }) => page).filter((page) => page.entries.size > 0);
    return new PageSet([...pages.pages.filter((page) => !replaced.has(page)), ...added]);
  }

  /** The ledger was read anew: pages that were made for it as it was before are not used. */
  forget(): void {
    for (const { page } of this.#prepared) this.#unwanted.add(page.name);
    this.#prepared = [];
    this.#version += 1;
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
   * The stored ledger names the prepared pages now, unless they were prepared while that write was under way. Returns the
   * names of those they were named in place of.
   */
  #adopt(pages: PageSet): string[] {
    const named = new Set(pages.pages);
    const isAdopted = ({ page, replaces }: Prepared): boolean =>
      (named.has(page) || page.entries.size === 0) && (replaces === undefined || !named.has(replaces));
    const adopted = this.#prepared.filter(isAdopted);
    this.#prepared = this.#prepared.filter((prepared) => !adopted.includes(prepared));
    for (const { replaces } of adopted) this.#repeated.forget(replaces);
    return adopted.flatMap(({ replaces }) => replaces?.name ?? []);
  }

  #start(
    stored: StoredLedger,
    { doomed, lengths }: { doomed: readonly string[]; lengths: ReturnType<typeof lengthsByPage> },
  ): void {
    const nowMs = this.#options.clock.nowMs();
    const mayWrite = this.#prepared.length === 0 && nowMs >= this.#notBeforeMs;
    const choices = mayWrite ? choosePages(stored, { lengths, repeated: this.#repeated }) : [];
    const sweep = stored.pages.pages.length > 0 && nowMs - this.#sweptAtMs >= sweepEveryMs;
    if (choices.length === 0 && doomed.length === 0 && !sweep) return;
    if (sweep) this.#sweptAtMs = nowMs;
    const length = [...lengths.values()].reduce((sum, each) => sum + each, 0);
    const atOnce = Math.max(1, Math.floor(length / pageLength));
    this.#work = this.#upkeep({ doomed, choices, atOnce, sweep }).finally(() => (this.#work = undefined));
  }

  async #upkeep(todo: {
    doomed: readonly string[];
    choices: readonly PageChoice[];
    atOnce: number;
    sweep: boolean;
  }): Promise<void> {
    const { store, pagesOf, onFailure } = this.#options;
    await this.#prepare(todo.choices, todo.atOnce);
    // What cannot be deleted or listed now is found by a later sweep.
    for (const name of todo.doomed)
      await store.delete(name, this.#call()).catch((error: unknown) => onFailure('delete_page', error));
    if (!todo.sweep) return;
    const names = await store.namesOf(pagesOf, this.#call()).catch((error: unknown): string[] => {
      onFailure('list_pages', error);
      return [];
    });
    for (const name of names)
      if (!this.#prepared.some(({ page }) => page.name === name)) this.#unwanted.add(name);
  }

  /** As many at a time as are about as long as a write of the ledger: so neither keeps the other waiting for long. */
  async #prepare(choices: readonly PageChoice[], atOnce: number): Promise<void> {
    const version = this.#version;
    for (let at = 0; at < choices.length && version === this.#version; at += atOnce) {
      const written = await Promise.all(choices.slice(at, at + atOnce).map((choice) => this.#write(choice)));
      const prepared = written.flatMap((page) => page ?? []);
      if (version === this.#version) this.#prepared = [...this.#prepared, ...prepared];
      else for (const { page } of prepared) this.#unwanted.add(page.name);
      if (prepared.length < written.length) return;
    }
  }

  async #write({ replaces, entries }: PageChoice): Promise<Prepared | undefined> {
    const { store, pagesOf, rate, clock, onWrite, signal } = this.#options;
    const name = `${pagesOf.ledger}.${randomBytes(4).toString('hex')}`;
    const bytes = lengthOf(encodePage({ entries }));
    await rate.take(bytes, signal);
    if (signal.aborted) return undefined;
    const startedMs = performance.now();
    const report = (outcome: 'written' | 'failed'): void =>
      onWrite({ bytes, durationMs: performance.now() - startedMs, outcome });
    try {
      if (entries.size > 0) await store.create(pagesOf, { name, entries }, this.#call());
      report('written');
      return { page: { name, entries, bytes }, replaces };
    } catch {
      // It may have been stored all the same.
      this.#unwanted.add(name);
      this.#notBeforeMs = clock.nowMs() + againAfterMs;
      report('failed');
      return undefined;
    }
  }

  #call(): { signal: AbortSignal } {
    return { signal: AbortSignal.timeout(callMs) };
  }
}
