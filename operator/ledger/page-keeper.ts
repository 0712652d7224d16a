import { randomInt } from 'node:crypto';
import { adoptPages } from '../../accounting/ledger-pages.ts';
import type { LedgerEntry, LedgerPage, NamedPages } from '../../accounting/ledger-pages.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import type { Clock } from '../kube/clock.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { type PageChoice, choosePages } from './page-choice.ts';
import { PageIndex } from './page-index.ts';
import type { PageStore, PagesOf } from './page-store.ts';
import type { StoredLedger } from './ledger-store.ts';
import { pageLengths } from './stored-length.ts';
import type { WriteRate } from './write-rate.ts';

/** Longest wait for one answer of the API server. */
const callMs = 10_000;
/** How often pages that nobody names are looked for. */
const sweepEveryMs = 3_600_000;
/** Characters by which the names of a ledger's pages differ. */
const suffixLength = 6;
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
  /** It has all that is still needed of these. */
  drops: readonly LedgerPage[];
}

/**
 * Writes the pages of one ledger beside its writes, so that these stay small. Nothing waits for it, and nothing depends
 * on it: a page counts once a write of the ledger names it, and is deleted only when a write of this process that does
 * not name it has been stored after that was decided. So no write that is still under way anywhere can name a page that
 * is gone: it has an older resourceVersion, and comes to nothing.
 */
export class PageKeeper {
  readonly #options: PageKeeperOptions;
  /** Of the pages that the stored ledger names; undefined once the ledger was read anew. */
  #index: PageIndex | undefined;
  /** What was beyond the pages when the ledger was stored last. */
  #lately: ReadonlySet<LedgerEntry> = new Set();
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
  pagesFor({ pages }: StoredLedger): NamedPages {
    this.#deletable = [...this.#unwanted];
    const dropped = new Set(this.#prepared.flatMap(({ drops }) => drops));
    const added = this.#prepared.map(({ page }) => page).filter(({ entries }) => entries.size > 0);
    return { pages: [...pages.filter((page) => !dropped.has(page)), ...added], added };
  }

  /** The ledger was read anew: pages that were made for it as it was before are not used. */
  forget(): void {
    for (const { page } of this.#prepared) this.#unwanted.add(page.name);
    this.#prepared = [];
    this.#index = undefined;
    this.#version += 1;
  }

  /** A write of this process is stored: its ledger takes over the pages that it named first. */
  noteStored(stored: StoredLedger): void {
    const named = new Set(stored.pages);
    const dropped = this.#adopt(stored, named);
    const names = new Set(stored.pages.map(({ name }) => name));
    const doomed = [...this.#deletable, ...dropped].filter((name) => !names.has(name));
    for (const name of this.#deletable) this.#unwanted.delete(name);
    if (this.#work !== undefined) for (const name of doomed) this.#unwanted.add(name);
    else this.#start(stored, doomed);
    this.#lately = new Set(beyondIn(stored.ledger));
  }

  /**
   * The stored ledger names the prepared pages now, unless they were prepared while that write was under way. Returns the
   * names of those they were named in place of.
   */
  #adopt({ ledger, pages }: StoredLedger, named: ReadonlySet<LedgerPage>): string[] {
    const isAdopted = ({ page, drops }: Prepared): boolean =>
      page.entries.size > 0 ? named.has(page) : !drops.some((dropped) => named.has(dropped));
    const adopted = this.#prepared.filter(isAdopted);
    this.#prepared = this.#prepared.filter((prepared) => !adopted.includes(prepared));
    const added = adopted.map(({ page }) => page).filter((page) => named.has(page));
    const dropped = adopted.flatMap(({ drops }) => drops);
    adoptPages(ledger, added);
    if (this.#index === undefined) this.#index = new PageIndex(pages);
    else this.#index.follow({ added, dropped });
    return dropped.map(({ name }) => name);
  }

  #start({ ledger, pages }: StoredLedger, doomed: readonly string[]): void {
    const nowMs = this.#options.clock.nowMs();
    const mayWrite = this.#prepared.length === 0 && nowMs >= this.#notBeforeMs;
    const index = this.#index;
    const choices =
      mayWrite && index
        ? choosePages({ ledger, index, sizes: this.#options.store.sizes }, (entry) => this.#lately.has(entry))
        : [];
    const sweep = pages.length > 0 && nowMs - this.#sweptAtMs >= sweepEveryMs;
    if (choices.length === 0 && doomed.length === 0 && !sweep) return;
    if (sweep) this.#sweptAtMs = nowMs;
    this.#work = this.#upkeep({ doomed, choices, sweep }).finally(() => (this.#work = undefined));
  }

  async #upkeep(todo: {
    doomed: readonly string[];
    choices: readonly PageChoice[];
    sweep: boolean;
  }): Promise<void> {
    const { store, pagesOf, onFailure } = this.#options;
    await this.#prepare(todo.choices);
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

  /** Several only where a write of the ledger is as long as all of them: after that it is not. */
  async #prepare(choices: readonly PageChoice[]): Promise<void> {
    const version = this.#version;
    const written = await Promise.all(choices.map((choice) => this.#write(choice)));
    const prepared = written.flatMap((page) => page ?? []);
    if (version === this.#version) this.#prepared = [...this.#prepared, ...prepared];
    else for (const { page } of prepared) this.#unwanted.add(page.name);
  }

  async #write({ entries, drops }: PageChoice): Promise<Prepared | undefined> {
    const { store, pagesOf, rate, clock, onWrite, signal } = this.#options;
    const name = `${pagesOf.ledger}.${newSuffix()}`;
    const { lines, stored } = pageLengths(entries);
    const bytes = entries.size === 0 ? 0 : stored;
    await rate.takeSpare(bytes, signal);
    if (signal.aborted) return undefined;
    const startedMs = performance.now();
    const report = (outcome: 'written' | 'failed'): void =>
      onWrite({ bytes, durationMs: performance.now() - startedMs, outcome });
    try {
      if (entries.size > 0) await store.create(pagesOf, { name, entries }, this.#call());
      report('written');
      return { page: { name, entries, bytes: lines }, drops };
    } catch (error) {
      // It may have been stored all the same; but one that was there before is not ours to delete.
      if (!isKubeError(error, 'AlreadyExists')) this.#unwanted.add(name);
      this.#notBeforeMs = clock.nowMs() + againAfterMs;
      report('failed');
      return undefined;
    }
  }

  #call(): { signal: AbortSignal } {
    return { signal: AbortSignal.timeout(callMs) };
  }
}

function* beyondIn({ rows, usage }: Ledger): Generator<LedgerEntry, undefined> {
  for (const part of [rows, usage])
    for (const entry of part.beyond.values()) if (entry !== undefined) yield entry;
  return undefined;
}

/** Tells some hundred pages of one ledger apart; each of its writes has all of them, so it is short. */
function newSuffix(): string {
  return randomInt(36 ** suffixLength)
    .toString(36)
    .padStart(suffixLength, '0');
}
