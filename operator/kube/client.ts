import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { objectIn } from './answer.ts';
import type { CallOptions, KubeAnswer, KubeCall, ObjectOptions, TokenOptions, WatchOptions } from './call.ts';
import { KubeConnection } from './connection.ts';
import type { ConnectionOptions } from './connection.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import { listAll, sendRead } from './reads.ts';
import type { KubeList, ListOptions, Wait } from './reads.ts';
import { resourcePath, serviceAccounts, withType } from './resource.ts';
import type { Address, KubeDraft, KubeObject, NamedDraft, Resource } from './resource.ts';
import { decodeWatch } from './watch.ts';
import type { WatchEvent } from './watch.ts';

/** Settings of a client; time, and who waits, can be given by a test. */
export interface KubeClientOptions extends ConnectionOptions {
  /** Owner of the fields that `apply` sends. `applyStatus` adds `-status`, so that the two never take each other's fields. */
  fieldManager: string;
  /** Called right before each write is sent; what it throws is why the write is not. */
  beforeWrite?: () => void;
  /** Waits between the attempts of a read; default: a timer. */
  wait?: Wait;
}

/** What those need who read and write whole objects of their own. */
export type ObjectClient = Pick<KubeClient, 'get' | 'list' | 'create' | 'replace' | 'delete'>;

/**
 * The Kubernetes API as raw JSON over one pooled connection. Every call ends within the request's time or by its signal,
 * and fails with a KubeError (or the signal's reason).
 */
export class KubeClient {
  readonly #connection: KubeConnection;
  readonly #fieldManager: string;
  readonly #wait: Wait;
  readonly #beforeWrite: (() => void) | undefined;

  constructor(config: KubeConfig, { fieldManager, beforeWrite, wait, ...options }: KubeClientOptions) {
    this.#connection = new KubeConnection(config, options);
    this.#fieldManager = fieldManager;
    this.#beforeWrite = beforeWrite;
    this.#wait = wait ?? ((ms, signal) => delay(ms, undefined, { signal }));
  }

  /** The object, or undefined where there is none of that name. `NoSuchResource` where its kind is not installed. */
  async get<T extends KubeObject>(
    resource: Resource,
    { namespace, name, signal }: ObjectOptions,
  ): Promise<T | undefined> {
    const call: KubeCall = { method: 'GET', path: resourcePath(resource, { namespace, name }), signal };
    try {
      return await objectIn<T>(this.#read(call), call);
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /**
   * All selected objects, read page by page from one revision. If that revision is compacted meanwhile, starts over once.
   * Throws `RequestEntityTooLarge` where there are more than `maxItems`.
   */
  list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<KubeList<T>> {
    return listAll<T>((call) => this.#read(call), resource, options);
  }

  /** Creates an object (or, on a virtual resource such as TokenReview, asks its question) and returns what the server made of it. */
  async create<T extends KubeObject>(
    resource: Resource,
    object: KubeDraft,
    { signal, namespace, name, subresource }: CallOptions & Address = {},
  ): Promise<T> {
    const path = resourcePath(resource, {
      namespace: namespace ?? object.metadata?.namespace,
      name,
      subresource,
    });
    return this.#write<T>({ method: 'POST', path, body: withType(resource, object), signal });
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
    return this.#write<T>({ method: 'PUT', path, body: withType(resource, object), signal });
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
    return this.#write<T>({
      method: 'PATCH',
      path,
      query: { fieldManager: manager, force: String(force) },
      contentType: 'application/apply-patch+yaml',
      body: withType(resource, object),
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
    return this.#write<T>({
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
      this.#beforeWrite?.();
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

        spec: { audiences: [], ...spec },
      },
      { namespace, name: serviceAccount, subresource: 'token', signal },
    );
    return answer.status;
  }

  /** The API server's clock, in whole seconds, from the Date header of an answer. */
  async serverTime({ signal }: CallOptions = {}): Promise<Date> {
    const { date } = await this.#read({ method: 'GET', path: '/version', signal });
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

  async #write<T extends KubeObject>(call: KubeCall): Promise<T> {
    this.#beforeWrite?.();
    return this.#connection.object<T>(call);
  }

  #read(call: KubeCall): Promise<KubeAnswer> {
    return sendRead(this.#connection, call, this.#wait);
  }
}
