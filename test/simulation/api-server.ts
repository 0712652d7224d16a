import { formatAmount } from '../../accounting/amount.ts';
import { decodeLedger } from '../../accounting/ledger-text.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import type { SapAiLedger } from '../../crds/ledger.ts';
import { sapAiLedger } from '../../crds/ledger.ts';
import { parseStored } from '../../crds/parse.ts';
import type { BudgetRef } from '../../operator/configuration/budget-ref.ts';
import type { ObjectClient } from '../../operator/kube/client.ts';
import { KubeError } from '../../operator/kube/kube-error.ts';
import type { KubeDraft, KubeObject, Resource } from '../../operator/kube/resource.ts';
import { isKubeObject } from '../../operator/kube/resource.ts';
import { ledgerResource } from '../../operator/ledger/ledger-store.ts';
import { ledgerPageResource } from '../../operator/ledger/page-store.ts';
import { StoredPages, heldLinesOf } from './stored-pages.ts';
import { Violation, hold } from './violation.ts';

/** One version of a stored ledger, and what it says. */
export interface Version {
  object: KubeObject;
  uid: string;
  ledger: Ledger;
  /** The lines that say what is held. */
  heldLines: readonly string[];
}

/** Who calls: one life of an operator process. */
export interface Caller {
  readonly name: string;
}

/** What becomes of a call: the server does it or not, and the caller learns of it or not. */
export const callOutcomes = ['done', 'stale', 'lost', 'unsent', 'busy', 'late'] as const;
export type CallOutcome = (typeof callOutcomes)[number];

/** A call that is under way to the API server. */
export interface Call {
  readonly caller: Caller;
  readonly writes: boolean;
  /** What the server does; throws what it refuses with. */
  readonly perform: (stale: boolean) => unknown;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A ledger that was just written. */
export interface StoredChange {
  readonly name: string;
  readonly before: Version | undefined;
  readonly after: Version;
  readonly caller: Caller;
}

/** Versions that are kept for stale reads and backups. */
const keptVersions = 40;

/**
 * Ledgers and their pages as an API server stores them: objects with a resourceVersion, each version written whole or not
 * at all. Every call waits until the schedule says what becomes of it.
 */
export class ApiServer {
  readonly calls: Call[] = [];
  readonly #versions = new Map<string, Version[]>();
  readonly pages = new StoredPages();
  readonly #origins = new Map<string, { budget: BudgetRef; above: string | undefined }>();
  #resourceVersion = 1;
  #uids = 0;
  /** Told of every ledger that was stored; throws what is wrong with it. */
  onStored: (change: StoredChange) => void = () => undefined;

  /** The ledger's object as it is now. */
  latest(name: string): Version | undefined {
    return this.#versions.get(name)?.at(-1);
  }

  /** The ledger of that uid. */
  byUid(uid: string): Version | undefined {
    for (const versions of this.#versions.values()) if (versions.at(-1)?.uid === uid) return versions.at(-1);
    return undefined;
  }

  /** The budget of a ledger that is there, or was. */
  ownerOf(uid: string): BudgetRef | undefined {
    return this.#origins.get(uid)?.budget;
  }

  /** Uids from that ledger up to the root's, also where one is gone. */
  pathOf(uid: string): string[] {
    const above = this.#origins.get(uid)?.above;
    return above === undefined ? [uid] : [uid, ...this.pathOf(above)];
  }

  /** Somebody deletes a ledger; as it was, or undefined where there is none. */
  remove(name: string): Version | undefined {
    const gone = this.latest(name);
    this.#versions.delete(name);
    return gone;
  }

  /** Names of the ledgers. */
  get names(): string[] {
    return [...this.#versions.keys()];
  }

  /** Puts an old version back, as a restored backup does; its resourceVersion is a new one. Undefined: there is none. */
  restore(name: string, stepsBack: number): Version | undefined {
    const versions = this.#versions.get(name) ?? [];
    const old = versions[Math.max(0, versions.length - 1 - stepsBack)];
    if (old === undefined || versions.length < 2) return undefined;
    const restored = { ...old, object: this.#stamped(old.object, old.uid) };
    versions.push(restored);
    return restored;
  }

  /** Lets the server do what one of the calls under way asks for, or not. */
  finish(call: Call, outcome: CallOutcome): void {
    if (outcome === 'late') {
      // The caller gives up; the server gets the call some time later.
      call.reject(new KubeError('no answer', { code: 0, reason: 'TimedOut' }));
      Object.assign(call, { resolve: () => undefined, reject: () => undefined });
      return;
    }
    this.calls.splice(this.calls.indexOf(call), 1);
    if (outcome === 'unsent')
      return call.reject(new KubeError('no connection', { code: 0, reason: 'Unreachable' }));
    if (outcome === 'busy')
      return call.reject(new KubeError('too many requests', { code: 429, reason: 'TooManyRequests' }));
    this.#perform(call, outcome);
  }

  /** The server, as one operator process calls it. */
  clientFor(caller: Caller): ObjectClient {
    const call = (writes: boolean, perform: (stale: boolean) => unknown): Promise<unknown> =>
      this.#call({ caller, writes, perform });
    return {
      get: async <T extends KubeObject>({ plural }: Resource, { name }: { name: string }) => {
        const found = await call(false, (stale) => this.#get(plural, name, stale));
        return isKubeObject<T>(found) ? found : undefined;
      },
      // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as in production, the caller's type is trusted
      list: async <T extends KubeObject>({ plural }: Resource) => {
        const found = await call(false, () => this.#list(plural));
        return { items: Array.isArray(found) ? found.filter(isKubeObject<T>) : [], resourceVersion: '1' };
      },
      create: async <T extends KubeObject>({ plural }: Resource, object: KubeDraft) =>
        objectIn<T>(await call(true, () => this.#create(plural, object, caller))),
      replace: async <T extends KubeObject>(_: Resource, object: T) =>
        objectIn<T>(await call(true, () => this.#replace(object, caller))),
      delete: async (_, { name }) => (await call(true, () => this.#deletePage(name))) === true,
    };
  }

  #perform(call: Call, outcome: CallOutcome): void {
    try {
      call.perform(outcome === 'stale');
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      return call.reject(error);
    }
    if (outcome === 'lost')
      return call.reject(new KubeError('the connection broke', { code: 0, reason: 'Unreachable' }));
    call.resolve();
  }

  #call(what: Pick<Call, 'caller' | 'writes' | 'perform'>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let result: unknown;
      const perform = (stale: boolean): unknown => (result = what.perform(stale));
      this.calls.push({ ...what, perform, resolve: () => resolve(result), reject });
    });
  }

  #get(plural: string, name: string, stale: boolean): KubeObject | undefined {
    if (plural === ledgerPageResource.plural) return this.pages.find(name);
    const versions = this.#versions.get(name);
    return ((stale ? versions?.at(-2) : undefined) ?? versions?.at(-1))?.object;
  }

  #list(plural: string): KubeObject[] {
    if (plural === ledgerPageResource.plural) return this.pages.all;
    return [...this.#versions.values()].flatMap((versions) => versions.at(-1)?.object ?? []);
  }

  #create(plural: string, draft: KubeDraft, caller: Caller): KubeObject {
    const name = draft.metadata?.name ?? '';
    const isPage = plural === ledgerPageResource.plural;
    if (isPage ? this.pages.has(name) : this.#versions.has(name))
      throw new KubeError('it is there', { code: 409, reason: 'AlreadyExists' });
    this.#uids += 1;
    const { kind } = isPage ? ledgerPageResource : ledgerResource;
    const typed = {
      ...draft,
      apiVersion: 'sapai.eerly.ai/v1alpha1',
      kind,
      metadata: { ...draft.metadata, name },
    };
    const object = this.#stamped(typed, `uid-${this.#uids}`);
    if (isPage) this.pages.create(name, object);
    else this.#store(object, caller);
    return object;
  }

  #replace(object: KubeObject, caller: Caller): KubeObject {
    const { name, resourceVersion } = object.metadata;
    const latest = this.latest(name);
    if (latest === undefined) throw new KubeError('it is gone', { code: 404, reason: 'NotFound' });
    if (resourceVersion !== latest.object.metadata.resourceVersion)
      throw new KubeError('somebody else was faster', { code: 409, reason: 'Conflict' });
    const next = this.#stamped(object, latest.uid);
    this.#store(next, caller);
    return next;
  }

  #stamped(object: KubeObject, uid: string): KubeObject {
    this.#resourceVersion += 1;
    const resourceVersion = String(this.#resourceVersion);
    return { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
  }

  #store(object: KubeObject, caller: Caller): void {
    const { name, uid = '' } = object.metadata;
    const { spec } = parseStored(sapAiLedger, object);
    const versions = this.#versions.get(name) ?? [];
    const before = versions.at(-1);
    const ledger = this.#decode(name, spec);
    const pages = spec.pages.map((suffix) => `${name}.${suffix}`);
    const heldLines = heldLinesOf([...this.pages.texts(pages), spec]);
    const after: Version = { object, uid, ledger, heldLines };
    this.#origins.set(uid, { budget: ledger.budget, above: ledger.parent?.ledgerUid });
    versions.push(after);
    if (versions.length > keptVersions) versions.shift();
    this.#versions.set(name, versions);
    this.onStored({ name, before, after, caller });
  }

  /** What a ledger says, by its pages as they were stored. */
  #decode(name: string, spec: SapAiLedger['spec']): Ledger {
    const pages = this.pages.truth(spec.pages.map((suffix) => `${name}.${suffix}`));
    const ledger = readable(() => decodeLedger(spec, pages), name);
    for (const sum of ['settled', 'outstanding', 'held', 'overrun'] as const) {
      const rows = formatAmount(ledger.totals[sum]);
      hold('parts add up', rows === spec[sum], () => `${name} has ${spec[sum]} ${sum}, its rows ${rows}`);
    }
    return ledger;
  }

  /** A page goes that no ledger may name, as it is stored. */
  #deletePage(name: string): boolean {
    const was = this.pages.delete(name);
    const at = name.lastIndexOf('.');
    const ledger = this.latest(name.slice(0, at))?.object;
    if (ledger && was) this.#decode(name.slice(0, at), parseStored(sapAiLedger, ledger).spec);
    return was;
  }
}

function readable(read: () => Ledger, name: string): Ledger {
  try {
    return read();
  } catch (error) {
    throw new Violation('parts add up', `${name} does not say what its pages say`, { cause: error });
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as in production, the caller's type is trusted
function objectIn<T extends KubeObject>(answer: unknown): T {
  if (isKubeObject<T>(answer)) return answer;
  throw new KubeError('no object', { code: 200, reason: 'InvalidAnswer' });
}
