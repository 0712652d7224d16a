import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { ledgerName, pagesOf, parseLedgerName } from '../ledger/ledger-store.ts';
import type { LedgerStore, StoredLedger } from '../ledger/ledger-store.ts';
import type { UpkeepFailure } from '../ledger/upkeep.ts';
import { readStatement, statementName } from '../usage/statement-store.ts';
import { decide, mayBeOld } from './decide.ts';
import type { Verdict } from './decide.ts';

/** Old ledgers that are read in one round; the next one goes on behind them. */
const maxReads = 100;
/** Pages without a ledger that are deleted in one round. */
const maxPages = 256;
/** A period may be longer than a month where its rule was changed: what has no ledger any more is judged by the name alone. */
const spareMonths = 2;

/** What retention needs. Client and store write only while this replica leads. */
export interface RetentionOptions {
  kube: KubeClient;
  store: LedgerStore;
  /** The API server's time, as far as it is known here. */
  clock: { nowMs(): number };
  /** How many months after the end of its period a ledger stays at least. */
  keepMonths: number;
  /** Told of each ledger that was deleted. */
  onDeleted: (deleted: { ledger: string; budget: BudgetRef }) => void;
  onFailure: (failure: UpkeepFailure) => void;
  signal: AbortSignal;
}

/** Deletes ledgers of closed periods, and their pages, once they were kept for long enough. */
export class LedgerRetention {
  readonly #options: RetentionOptions;
  /** The last one that was read. */
  #after = '';

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** One round. What could not be read or deleted is told, and tried again in a later one. */
  async round(): Promise<void> {
    const { store, signal } = this.#options;
    try {
      // Pages first: none of a ledger that comes meanwhile is taken for one without.
      const pages = await store.pages.list({ signal });
      const listed = await store.list({ signal });
      const names = new Set(listed.map(({ name }) => name));
      const there = new Set(listed.map(({ uid }) => uid));
      for (const name of this.#nextOf(names)) await this.#judge(name, there);
      const orphans = pages.filter((page) => !names.has(page.ledger));
      await this.#deleteOrphans(orphans);
    } catch (error) {
      this.#fail('-', error);
    }
  }

  /** Names of ledgers that may be old enough, beginning behind the last one of the round before. */
  #nextOf(names: ReadonlySet<string>): string[] {
    const old = [...names].filter((name) => this.#mayBeOld(name)).sort();
    const next = [
      ...old.filter((name) => name > this.#after),
      ...old.filter((name) => name <= this.#after),
    ].slice(0, maxReads);
    this.#after = next.at(-1) ?? '';
    return next;
  }

  #mayBeOld(name: string, spare = 0): boolean {
    const { keepMonths, clock } = this.#options;
    const parsed = parseLedgerName(name);
    const limits = { keepMonths: keepMonths + spare, nowMs: clock.nowMs() };
    return parsed !== undefined && mayBeOld(parsed.period, limits);
  }

  async #judge(name: string, there: Set<string>): Promise<void> {
    const { store, signal } = this.#options;
    if (signal.aborted) return;
    try {
      const stored = await store.read(name, { signal });
      if (stored && (await this.#verdictOn(stored, there)) === 'done') await this.#delete(stored, there);
    } catch (error) {
      // Somebody wrote it meanwhile: it is judged anew.
      if (!isKubeError(error, 'Conflict')) this.#fail(name, error);
    }
  }

  async #verdictOn(stored: StoredLedger, there: ReadonlySet<string>): Promise<Verdict> {
    const { store, clock, keepMonths, signal } = this.#options;
    const { uid, ledger } = stored;
    const limits = { keepMonths, nowMs: clock.nowMs() };
    const statement = await this.#statementOf(ledger.budget, ledger.period.name);
    const above = ledger.parent && ledgerName(ledger.parent.budget, ledger.period.name);
    const found = above === undefined ? undefined : await store.read(above, { signal });
    const parent = found?.uid === ledger.parent?.ledgerUid ? found?.ledger : undefined;
    return decide({ uid, ledger, statement, parent, there }, limits);
  }

  /** The ledger first: a page without a ledger is no harm, a ledger without a page is lost. */
  async #delete(stored: StoredLedger, there: Set<string>): Promise<void> {
    const { store, onDeleted, signal } = this.#options;
    const pages = await store.pages.namesOf(pagesOf(stored), { signal });
    await store.delete(stored, { signal });
    there.delete(stored.uid);
    onDeleted({ ledger: stored.name, budget: stored.ledger.budget });
    for (const page of pages) await store.pages.delete(page, { signal });
  }

  /** Pages that were left when their ledger was deleted; those of one that is lost, and could be restored, stay. */
  async #deleteOrphans(orphans: readonly { name: string; ledger: string }[]): Promise<void> {
    const { store, signal } = this.#options;
    const old = orphans.filter(({ ledger }) => this.#mayBeOld(ledger, spareMonths));
    let left = maxPages;
    for (const ledger of new Set(old.map((page) => page.ledger))) {
      const { budget, period } = parseLedgerName(ledger) ?? {};
      if (!budget || !period || (await this.#statementOf(budget, period))?.closed !== true) continue;
      const pages = old.filter((page) => page.ledger === ledger).slice(0, left);
      left -= pages.length;
      for (const page of pages) await store.pages.delete(page.name, { signal });
      if (left === 0) return;
    }
  }

  #statementOf(budget: BudgetRef, period: string): ReturnType<typeof readStatement> {
    const { kube, signal } = this.#options;
    const { namespace } = budget;
    return readStatement(kube, { namespace, name: statementName(budget, period) }, { signal });
  }

  #fail(ledger: string, error: unknown): void {
    const { onFailure, signal } = this.#options;
    if (!signal.aborted) onFailure({ upkeep: 'delete_ledger', ledger, error });
  }
}
