import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { KubeConnection, objectIn } from './connection.ts';
import type { ConnectionOptions, KubeAnswer, KubeCall } from './connection.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import { apiVersionOf, resourcePath, serviceAccounts } from './resource.ts';
import type { Address, KubeDraft, KubeObject, NamedDraft, Resource } from './resource.ts';
import { decodeWatch } from './watch.ts';
import type { WatchEvent } from './watch.ts';

/** Settings of a client; time, and who waits, can be given by a test. */
export interface KubeClientOptions extends ConnectionOptions {
  /** Owner of the fields that `apply` sends. `applyStatus` adds `-status`, so that the two never take each other's fields. */
  fieldManager: string;
  /** Waits between the attempts of a read; default: a timer. */
  wait?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
}

/** Ends the wait for an answer; the call then throws the signal's reason. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
}
/** One object. `namespace` is needed where the resource is namespaced. */
export interface ObjectOptions extends CallOptions {
  namespace?: string | undefined;
  name: string;
}
/** What a list or watch selects; without `namespace` all namespaces. */
export interface SelectOptions extends CallOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}
/** A whole list, complete as of `resourceVersion`. */
export interface KubeList<T> {
  items: T[];
  resourceVersion: string;
}
/** Settings of one watch. */
export interface WatchOptions extends SelectOptions {
  resourceVersion: string;
  /** How long the server keeps the watch open; after that the iteration ends normally. */
  timeoutSeconds?: number;
  /** Longest silence; bookmarks come about once a minute, so less than that only suits tests. */
  idleTimeoutMs?: number;
}
/** A token of a ServiceAccount, from the TokenRequest API. */
export interface TokenOptions extends CallOptions {
  namespace: string;
  serviceAccount: string;
  audiences?: string[];
  expirationSeconds?: number;
  boundObjectRef?: { apiVersion: string; kind: string; name: string; uid?: string };
}

/** Attempts of one read in all; writes are never repeated here, their outcome may be unknown. */
const maxReadAttempts = 4;
/** Longest Retry-After that a read follows; a longer one is left to the caller, who sees it in the error. */
const maxRetryAfterMs = 10_000;
/** Objects in one page; client-go's reflectors use the same. */
const defaultPageSize = 500;
/** More objects than this in one list are refused rather than held in memory. */
const defaultMaxItems = 200_000;

/**
 * The Kubernetes API as raw JSON over one pooled connection. Every call ends within the request's time or by its signal,
 * and fails with a KubeError (or the signal's reason).
 */
export class KubeClient {
  readonly #connection: KubeConnection;
  readonly #fieldManager: string;
  readonly #wait: (ms: number, signal?: AbortSignal) => Promise<unknown>;

  constructor(config: KubeConfig, { fieldManager, wait, ...options }: KubeClientOptions) {
    this.#connection = new KubeConnection(config, options);
    this.#fieldManager = fieldManager;
    this.#wait = wait ?? ((ms, signal) => delay(ms, undefined, { signal }));
  }

  /** The object, or undefined where there is none of that name. */
  async get<T extends KubeObject>(
    resource: Resource,
    { namespace, name, signal }: ObjectOptions,
  ): Promise<T | undefined> {
    try {
      return await this.#read<T>({
        method: 'GET',
        path: resourcePath(resource, { namespace, name }),
        signal,
      });
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /**
   * All selected objects, read page by page from one revision. If that revision is compacted meanwhile, starts over once.
   * Throws `RequestEntityTooLarge` where there are more than `maxItems`.
   */
  async list<T extends KubeObject>(
    resource: Resource,
    options: SelectOptions & { pageSize?: number; maxItems?: number } = {},
  ): Promise<KubeList<T>> {
    try {
      return await this.#listPages<T>(resource, options);
    } catch (error) {
      if (!isKubeError(error, 'Expired', 'Gone')) throw error;
      return this.#listPages<T>(resource, options);
    }
  }

  /** Creates an object (or, on a virtual resource such as TokenReview, asks its question) and returns what the server made of it. */
  async create<T extends KubeObject>(
    resource: Resource,
    object: KubeDraft,
    { signal, namespace, name, subresource }: CallOptions & Address = {},
  ): Promise<T> {
    const path = resourcePath(resource, {
      namespace: namespace ?? object.metadata.namespace,
      name,
      subresource,
    });
    return this.#connection.object<T>({ method: 'POST', path, body: typed(resource, object), signal });
  }

  /**
   * Puts the whole object. Its metadata.resourceVersion is the precondition: a `Conflict` says that somebody was faster.
   * Throws a TypeError without it.
   */
  async replace<T extends KubeObject>(
    resource: Resource,
    object: T,
    { signal, subresource }: CallOptions & { subresource?: string } = {},
  ): Promise<T> {
    const { namespace, name, resourceVersion } = object.metadata;
    if (resourceVersion === undefined) {
      throw new TypeError(`replace ${resource.kind} "${name}": metadata.resourceVersion is missing`);
    }
    const path = resourcePath(resource, { namespace, name, subresource });
    return this.#connection.object<T>({ method: 'PUT', path, body: typed(resource, object), signal });
  }

  /** Server-side apply. `force` takes over fields that others own; on by default, as for every controller. */
  async apply<T extends KubeObject>(
    resource: Resource,
    object: NamedDraft,
    { signal, force = true, subresource }: CallOptions & { force?: boolean; subresource?: string } = {},
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const manager = subresource === undefined ? this.#fieldManager : `${this.#fieldManager}-${subresource}`;
    const path = resourcePath(resource, { namespace, name, subresource });
    return this.#connection.object<T>({
      method: 'PATCH',
      path,
      query: { fieldManager: manager, force: String(force) },
      contentType: 'application/apply-patch+yaml',
      body: typed(resource, object),
      signal,
    });
  }

  /** Server-side apply of the status alone. */
  applyStatus<T extends KubeObject>(
    resource: Resource,
    object: NamedDraft & { status: unknown },
    options: CallOptions & { force?: boolean } = {},
  ): Promise<T> {
    return this.apply<T>(resource, object, { ...options, subresource: 'status' });
  }

  /** JSON merge patch: null removes a field, lists are replaced. A resourceVersion in its metadata is a precondition. */
  async mergePatch<T extends KubeObject>(
    resource: Resource,
    patch: object,
    { signal, ...address }: ObjectOptions & { subresource?: string },
  ): Promise<T> {
    return this.#connection.object<T>({
      method: 'PATCH',
      path: resourcePath(resource, address),
      query: { fieldManager: this.#fieldManager },
      contentType: 'application/merge-patch+json',
      body: patch,
      signal,
    });
  }

  /** Asks for deletion; false where there was nothing to delete. A precondition that fails is a `Conflict`. */
  async delete(
    resource: Resource,
    {
      namespace,
      name,
      signal,
      ...body
    }: ObjectOptions & {
      preconditions?: { uid?: string; resourceVersion?: string };
      propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
      gracePeriodSeconds?: number;
    },
  ): Promise<boolean> {
    const path = resourcePath(resource, { namespace, name });
    try {
      await this.#connection.send({
        method: 'DELETE',
        path,
        body: { kind: 'DeleteOptions', apiVersion: 'v1', ...body },
        signal,
      });
      return true;
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return false;
      throw error;
    }
  }

  /**
   * Raw events since a resourceVersion, with bookmarks. Ends when the server closes; throws `Expired` or `Gone` when the revision is
   * no longer kept (list again), `TimedOut` after a silence of `idleTimeoutMs`.
   */
  async *watch<T extends KubeObject>(
    resource: Resource,
    {
      namespace,
      signal,
      timeoutSeconds = 300,
      idleTimeoutMs = 90_000,
      labelSelector,
      fieldSelector,
      resourceVersion,
    }: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(timeoutSeconds),
      resourceVersion,
      labelSelector,
      fieldSelector,
    };
    const path = resourcePath(resource, { namespace });
    const call: KubeCall = { method: 'GET', path, query, signal };
    const body = await this.#connection.stream(call, { idleTimeoutMs });
    yield* decodeWatch<T>(body, { path, signal });
  }

  /** A token for a ServiceAccount, for example bound to a pod. */
  async requestToken({
    namespace,
    serviceAccount,
    signal,
    ...spec
  }: TokenOptions): Promise<{ token: string; expirationTimestamp: string }> {
    const answer = await this.create<KubeObject & { status: { token: string; expirationTimestamp: string } }>(
      serviceAccounts,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: { audiences: [], ...spec },
      },
      { namespace, name: serviceAccount, subresource: 'token', signal },
    );
    return answer.status;
  }

  /** The API server's clock, in whole seconds, from the Date header of an answer. */
  async serverTime({ signal }: CallOptions = {}): Promise<Date> {
    const { date } = await this.#retried({ method: 'GET', path: '/version', signal });
    if (date === undefined || Number.isNaN(Date.parse(date))) {
      throw new KubeError(
        'GET /version: the answer has no Date header; a proxy in front of the server removes it',
        {
          code: 0,
          reason: 'InvalidAnswer',
        },
      );
    }
    return new Date(date);
  }

  /** Closes the pool: calls under way, watches too, fail with `Unreachable`. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  async #listPages<T extends KubeObject>(
    resource: Resource,
    {
      namespace,
      labelSelector,
      fieldSelector,
      pageSize = defaultPageSize,
      maxItems = defaultMaxItems,
      signal,
    }: SelectOptions & { pageSize?: number; maxItems?: number },
  ): Promise<KubeList<T>> {
    const path = resourcePath(resource, { namespace });
    const items: T[] = [];
    let page: ListPage<T> | undefined;
    do {
      const query = {
        labelSelector,
        fieldSelector,
        limit: String(pageSize),
        continue: page?.metadata.continue,
      };
      page = await this.#read<ListPage<T>>({ method: 'GET', path, query, signal });
      // Members of a list carry no kind of their own, watched objects do: make them alike.
      for (const item of page.items ?? []) items.push(typed(resource, item));
      if (items.length > maxItems) throw tooMany(path, maxItems);
    } while (page.metadata.continue);
    return { items, resourceVersion: page.metadata.resourceVersion };
  }

  #read<T extends KubeObject>(call: KubeCall): Promise<T> {
    return objectIn<T>(this.#retried(call), call);
  }

  /** Repeats a read that the server put off, or whose connection broke, within bounds. */
  async #retried(call: KubeCall): Promise<KubeAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#connection.send(call);
      } catch (error) {
        const waitMs = retryWaitMs(error, attempt);
        if (waitMs === undefined) throw error;
        await this.#wait(waitMs, call.signal);
      }
    }
  }
}

interface ListPage<T> extends KubeObject {
  items: T[] | null;
  metadata: KubeObject['metadata'] & { resourceVersion: string; continue?: string };
}

function typed<T extends KubeDraft>(resource: Resource, object: T): T {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}

function tooMany(path: string, maxItems: number): KubeError {
  return new KubeError(`list ${path}: more than ${maxItems} objects; select fewer`, {
    code: 0,
    reason: 'RequestEntityTooLarge',
  });
}

function retryWaitMs(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof KubeError) || attempt >= maxReadAttempts) return undefined;
  // A pooled connection that the server closed in the same moment breaks once; a dead server breaks again.
  if (error.reason === 'Unreachable') return attempt === 1 ? 0 : undefined;
  if (error.code !== 429 && error.code !== 503) return undefined;
  const waitMs = error.retryAfterMs ?? 500 * 2 ** (attempt - 1);
  return waitMs <= maxRetryAfterMs ? waitMs : undefined;
}
