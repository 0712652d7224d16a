import type { LedgerText } from '../../accounting/ledger-text.ts';
import { type LedgerPage, type NamedPages, noPages } from '../../accounting/ledger-pages.ts';
import { decodeLedger, encodeLedger } from '../../accounting/ledger-text.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { group, version } from '../../crds/custom-resource.ts';
import { maxRowsLength, sapAiLedger } from '../../crds/ledger.ts';
import type { SapAiLedger } from '../../crds/ledger.ts';
import { parseStored } from '../../crds/parse.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { CallOptions } from '../kube/call.ts';
import type { ObjectClient } from '../kube/client.ts';
import type { KubeObject, ObjectMeta, Resource } from '../kube/resource.ts';
import { LedgerError } from './ledger-error.ts';
import type { PageSizes } from './page-choice.ts';
import { PageStore, type PagesOf, selectorOf } from './page-store.ts';

export const ledgerResource: Resource = {
  group,
  version,
  plural: 'sapailedgers',
  kind: 'SapAiLedger',
  namespaced: true,
};

/** Labels of a ledger, by which all of one budget are found. */
const namespaceLabel = `${group}/budget-namespace`;
const budgetLabel = `${group}/budget`;

/** What a ledger's object says beside the ledger itself. */
export interface LedgerOrigin {
  /** Uid of the budget it was opened for. */
  createdFor: string;
  /** The rule its period came from. */
  timeZone: string;
  startDay: number;
}

/** A ledger as it was last read or written; the metadata's resourceVersion is the fence of the next write. */
export interface StoredLedger extends LedgerOrigin {
  name: string;
  uid: string;
  metadata: ObjectMeta;
  ledger: Ledger;
  /** Those that the object names, in its order. */
  pages: readonly LedgerPage[];
  /** Characters of the rows in the object itself. */
  rowsLength: number;
}

/** A ledger's object as far as a list tells. */
export interface ListedLedger {
  name: string;
  uid: string;
  resourceVersion: string;
}

/** Attempts to read a ledger whose pages are replaced meanwhile. */
const maxReads = 4;

/** Names and no more are read of so many ledgers: what was kept for longer than it should have been counts, too. */
const maxListed = 200_000;

/** Pages that are read at once. */
const pagesAtOnce = 16;

/** `<namespace>.<budget>.<period>`: the same for a budget that was deleted and made again, so that it is not refilled. */
export function ledgerName({ namespace, name }: BudgetRef, period: string): string {
  return `${namespace}.${name}.${period}`;
}

/** Budget and period of a ledger's name; undefined for anything else. */
export function parseLedgerName(name: string): { budget: BudgetRef; period: string } | undefined {
  // A namespace has no dots.
  const [, namespace, budget, period] = /^([^.]+)[.](.+)[.](\d{4}-\d{2})$/.exec(name) ?? [];
  if (namespace === undefined || budget === undefined || period === undefined) return undefined;
  return { budget: { namespace, name: budget }, period };
}

/** SapAiLedger objects in the operator's namespace. All methods throw KubeErrors as they come. */
export class LedgerStore {
  readonly pages: PageStore;
  readonly #kube: ObjectClient;
  readonly #namespace: string;

  constructor({
    kube,
    namespace,
    pageSizes: sizes,
  }: {
    kube: ObjectClient;
    namespace: string;
    pageSizes?: PageSizes | undefined;
  }) {
    this.#kube = kube;
    this.#namespace = namespace;
    this.pages = new PageStore({ kube, namespace, sizes });
  }

  /**
   * The ledger, or undefined where there is none. Pages never change: those that are known already are not read again.
   *
   * @throws LedgerTextError, StoredObjectError or LedgerError `lost` when it cannot be taken as the truth
   */
  async read(
    name: string,
    { signal, known = [] }: CallOptions & { known?: readonly LedgerPage[] } = {},
  ): Promise<StoredLedger | undefined> {
    const address = { namespace: this.#namespace, name, signal };
    let missing = '';
    for (let read = 1; read <= maxReads; read += 1) {
      const object = await this.#kube.get(ledgerResource, address);
      if (object === undefined) return undefined;
      const { spec }: SapAiLedger = parseStored(sapAiLedger, object);
      const names = spec.pages.map((suffix) => pageName(name, suffix));
      const pages = await this.#readPages(names, { signal, known });
      if (!('missing' in pages)) return decode(object, pages);
      missing = pages.missing;
    }
    throw new LedgerError(
      'lost',
      `the ledger ${name} names the page ${missing}, which was deleted: restore the SapAiLedgerPage from a backup`,
    );
  }

  /** One that is missing was replaced since the ledger was read, or is lost. */
  async #readPages(
    names: readonly string[],
    { signal, known }: CallOptions & { known: readonly LedgerPage[] },
  ): Promise<readonly LedgerPage[] | { missing: string }> {
    const byName = new Map(known.map((page) => [page.name, page]));
    const pages: LedgerPage[] = [];
    for (let at = 0; at < names.length; at += pagesAtOnce) {
      const next = names.slice(at, at + pagesAtOnce);
      const read = await Promise.all(
        next.map(async (name) => byName.get(name) ?? (await this.pages.read(name, { signal }))),
      );
      const missing = next[read.indexOf(undefined)];
      if (missing !== undefined) return { missing };
      pages.push(...read.filter((page) => page !== undefined));
    }
    return pages;
  }

  /** Names of all ledgers of a budget, by uid. */
  async namesOf(budget: BudgetRef, { signal }: CallOptions = {}): Promise<ReadonlyMap<string, string>> {
    const listed = await this.list({ budget, signal });
    return new Map(listed.map(({ uid, name }) => [uid, name]));
  }

  /** What ledgers there are, of one budget or of all: their bodies are not read. */
  async list({ budget, signal }: CallOptions & { budget?: BudgetRef } = {}): Promise<ListedLedger[]> {
    const { items } = await this.#kube.list(ledgerResource, {
      namespace: this.#namespace,
      ...(budget && { labelSelector: selectorOf(labelsOf(budget)) }),
      metadataOnly: true,
      maxItems: maxListed,
      signal,
    });
    return items.map(({ metadata: { name, uid = '', resourceVersion = '' } }) => ({
      name,
      uid,
      resourceVersion,
    }));
  }

  /** Stores a new ledger. KubeError `AlreadyExists`: somebody was faster; adopt theirs. */
  async create(ledger: Ledger, origin: LedgerOrigin, { signal }: CallOptions = {}): Promise<StoredLedger> {
    const metadata = {
      namespace: this.#namespace,
      name: ledgerName(ledger.budget, ledger.period.name),
      // No owner reference: deleting a budget must not delete what it has spent.
      labels: labelsOf(ledger.budget),
    };
    const spec = { ...origin, ...fittingText(ledger) };
    return decode(await this.#kube.create(ledgerResource, { metadata, spec }, { signal }), []);
  }

  /** Puts the whole ledger, if nobody has written it since `stored` was read (KubeError `Conflict` otherwise). */
  async replace(
    stored: StoredLedger,
    { ledger, text, pages }: { ledger: Ledger; text: LedgerText; pages: readonly LedgerPage[] },
    { signal }: CallOptions = {},
  ): Promise<StoredLedger> {
    const { metadata, createdFor, timeZone, startDay } = stored;
    const object = {
      apiVersion: `${group}/${version}`,
      kind: ledgerResource.kind,
      metadata,
      spec: { createdFor, timeZone, startDay, ...text, pages: text.pages.map(suffixOf) },
    };
    const answer = await this.#kube.replace(ledgerResource, object, { signal });
    return { ...stored, metadata: ownMetadata(answer), ledger, pages, rowsLength: text.rows.length };
  }

  /** Deletes a ledger if it is that very one, as it was read (KubeError `Conflict` otherwise). Its pages stay. */
  async delete({ name, uid, metadata }: StoredLedger, { signal }: CallOptions = {}): Promise<void> {
    const { resourceVersion } = metadata;
    if (uid === '' || resourceVersion === undefined)
      throw new TypeError(`delete SapAiLedger "${name}": uid or resourceVersion is missing`);
    const preconditions = { uid, resourceVersion };
    await this.#kube.delete(ledgerResource, { namespace: this.#namespace, name, preconditions, signal });
  }
}

/** The pages of a ledger, as they are stored and found. */
export function pagesOf({ name, ledger }: Pick<StoredLedger, 'name' | 'ledger'>): PagesOf {
  return { ledger: name, labels: labelsOf(ledger.budget) };
}

function labelsOf({ namespace, name }: BudgetRef): Record<string, string> {
  return { [namespaceLabel]: namespace, [budgetLabel]: name };
}

/** What the name of a page adds to that of its ledger: so each write names hundreds of them in few characters. */
function suffixOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function pageName(ledger: string, suffix: string): string {
  return `${ledger}.${suffix}`;
}

function decode(object: KubeObject, pages: readonly LedgerPage[]): StoredLedger {
  const { spec }: SapAiLedger = parseStored(sapAiLedger, object);
  const { createdFor, timeZone, startDay } = spec;
  const metadata = ownMetadata(object);
  const { name, uid = '' } = metadata;
  const origin = { createdFor, timeZone, startDay };
  const ledger = decodeLedger(spec, pages);
  return { name, uid, metadata, ...origin, pages, ledger, rowsLength: spec.rows.length };
}

/** Without the list of who set which field: it would be sent back with every write. */
function ownMetadata({ metadata }: KubeObject): ObjectMeta {
  const own: ObjectMeta & { managedFields?: undefined } = { ...metadata, managedFields: undefined };
  return own;
}

/**
 * The ledger as it is stored beside these pages.
 *
 * @throws LedgerError `full` when it does not fit into an object
 */
export function fittingText(ledger: Ledger, pages: NamedPages = noPages): LedgerText {
  const text = encodeLedger(ledger, pages);
  if (text.rows.length <= maxRowsLength) return text;
  throw new LedgerError(
    'full',
    `the ledger ${text.budget.namespace}/${text.budget.name} of ${text.period} has no room for another holder: it has ${text.rows.length} of at most ${maxRowsLength} characters`,
  );
}
