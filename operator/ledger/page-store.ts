import { decodePage, encodePage } from '../../accounting/entries-text.ts';
import type { LedgerPage } from '../../accounting/ledger-pages.ts';
import { group, version } from '../../crds/custom-resource.ts';
import { sapAiLedgerPage } from '../../crds/ledger-page.ts';
import { parseStored } from '../../crds/parse.ts';
import type { CallOptions } from '../kube/call.ts';
import type { ObjectClient } from '../kube/client.ts';
import type { KubeObject, Resource } from '../kube/resource.ts';
import { type PageSizes, usualPageSizes } from './page-choice.ts';

/** Pages of ledgers, in the operator's namespace. */
export const ledgerPageResource: Resource = {
  group,
  version,
  plural: 'sapailedgerpages',
  kind: 'SapAiLedgerPage',
  namespaced: true,
};

/** Pages of one budget's ledgers whose names are looked through: ten years of the largest ones. */
const maxListed = 131_072;

/** Which pages are meant: those of one ledger; the labels are of its budget. */
export interface PagesOf {
  ledger: string;
  labels: Record<string, string>;
}

/** SapAiLedgerPage objects in the operator's namespace. All methods throw KubeErrors as they come. */
export class PageStore {
  /** How long its pages are to be. */
  readonly sizes: PageSizes;
  readonly #kube: ObjectClient;
  readonly #namespace: string;

  constructor({
    kube,
    namespace,
    sizes = usualPageSizes,
  }: {
    kube: ObjectClient;
    namespace: string;
    sizes?: PageSizes | undefined;
  }) {
    this.sizes = sizes;
    this.#kube = kube;
    this.#namespace = namespace;
  }

  /** Stores a page; its name must be new. */
  async create(
    { ledger, labels }: PagesOf,
    { name, entries }: { name: string; entries: LedgerPage['entries'] },
    { signal }: CallOptions = {},
  ): Promise<void> {
    // No owner reference: a ledger that is restored from a backup has another uid, and needs its pages.
    const metadata = { namespace: this.#namespace, name, labels };
    const spec = { ledger, ...encodePage({ entries }) };
    await this.#kube.create(ledgerPageResource, { metadata, spec }, { signal });
  }

  /**
   * The page, or undefined where there is none.
   *
   * @throws LedgerTextError or StoredObjectError when it cannot be read
   */
  async read(name: string, { signal }: CallOptions = {}): Promise<LedgerPage | undefined> {
    const object = await this.#kube.get<KubeObject>(ledgerPageResource, {
      namespace: this.#namespace,
      name,
      signal,
    });
    return object && decodePage(name, parseStored(sapAiLedgerPage, object).spec);
  }

  /** Names of all pages of a ledger, also of those that it does not name any more. */
  async namesOf({ ledger, labels }: PagesOf, { signal }: CallOptions = {}): Promise<string[]> {
    const { items } = await this.#kube.list(ledgerPageResource, {
      namespace: this.#namespace,
      labelSelector: selectorOf(labels),
      metadataOnly: true,
      maxItems: maxListed,
      signal,
    });
    return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(`${ledger}.`));
  }

  /** All pages there are, each with the name of its ledger: their bodies are not read. */
  async list({ signal }: CallOptions = {}): Promise<{ name: string; ledger: string }[]> {
    const { items } = await this.#kube.list(ledgerPageResource, {
      namespace: this.#namespace,
      metadataOnly: true,
      signal,
    });
    return items.map(({ metadata: { name } }) => ({ name, ledger: name.slice(0, name.lastIndexOf('.')) }));
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#kube.delete(ledgerPageResource, { namespace: this.#namespace, name, signal });
  }
}

/** Selects what has all of these labels. */
export function selectorOf(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
}
