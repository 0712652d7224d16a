import type { SelectOptions } from './call.ts';
import type { KubeClient } from './client.ts';
import { backOffMs, jittered, pause, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import type { KubeObject, Resource } from './resource.ts';
import { keyOf, ObjectStore } from './store.ts';
import type { Change, Indexes } from './store.ts';
import type { WatchEvent } from './watch.ts';

/** What happens in an informer, for metrics and logs. */
export type InformerReport =
  | { type: 'listed'; items: number }
  | { type: 'watching'; resourceVersion: string }
  | { type: 'failed'; error: unknown; retryAfterMs: number }
  | { type: 'handler_failed'; error: unknown };

/** Settings of an informer; clock and random come from tests. */
export interface InformerOptions<T extends KubeObject> extends Omit<SelectOptions, 'signal'> {
  kube: KubeClient;
  resource: Resource;
  indexes?: Indexes<T>;
  onReport?: (report: InformerReport) => void;
  clock?: Clock;
  random?: () => number;
  backOff?: { baseMs: number; maxMs: number };
  /** Silence after which a watch is given up; see `KubeClient.watch`. */
  idleTimeoutMs?: number;
  pageSize?: number;
}

const defaultBackOff = { baseMs: 500, maxMs: 30_000 };
/** A server that asks for more is asked again anyhow; it can refuse again. */
const maxRetryAfterMs = 60_000;
/** A watch that lasted this long, or brought anything, was a good one: the next follows at once. */
const goodWatchMs = 10_000;

/**
 * A cache of one resource, kept by list and watch. Whatever fails is tried again with jittered back-off until `run`'s signal fires: a
 * dead server delays news but never ends them. Handlers see every change of state, not every event: several changes while the
 * connection was away are one.
 */
export class Informer<T extends KubeObject> {
  readonly #options: InformerOptions<T>;
  readonly #store: ObjectStore<T>;
  readonly #clock: Clock;
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #sync = Promise.withResolvers<void>();
  #resourceVersion: string | undefined;
  #failures = 0;
  /** Ends the list or watch under way, so that another list follows. */
  #interrupt = new AbortController();
  #relists: (() => void)[] = [];

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#store = new ObjectStore(options.indexes);
    this.#clock = options.clock ?? systemClock;
    // Who never asks for `synced` must not be ended by its rejection.
    this.#sync.promise.catch(() => undefined);
  }

  /** Resolves when the first list is in the cache and handlers were told of it; rejects if `run` ends before. */
  get synced(): Promise<void> {
    return this.#sync.promise;
  }
  /** By `namespace/name` (name alone for objects of the whole cluster). Cached objects must not be changed. */
  get(key: string): T | undefined {
    return this.#store.get(key);
  }
  list(): T[] {
    return this.#store.list();
  }
  byIndex(index: string, value: string): T[] {
    return this.#store.byIndex(index, value);
  }

  /** Told of every change from now on, and of what is already cached as added. The result ends that. An error in a handler is reported and stops nobody else. */
  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    for (const object of this.#store.list()) this.#tell(handler, { type: 'added', object });
    return () => this.#handlers.delete(handler);
  }

  /**
   * Lists anew, at once; resolves when all that was stored before the call is in the cache. While the server does not
   * answer it takes as long as that lasts.
   */
  relist(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#relists.push(resolve);
    this.#interrupt.abort(new Error('listed anew'));
    return promise;
  }

  /** Keeps the cache until the signal fires, then resolves. Call it once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#interrupt = new AbortController();
      const until = AbortSignal.any([signal, this.#interrupt.signal]);
      try {
        await this.#listAndWatch(until);
      } catch (error) {
        if (!until.aborted) await this.#recover(error, until);
      }
    }
    this.#sync.reject(signal.reason);
  }

  async #listAndWatch(signal: AbortSignal): Promise<void> {
    const known = this.#relists.length > 0 ? undefined : this.#resourceVersion;
    const resourceVersion = known ?? (await this.#list(signal));
    const startedMs = this.#clock.nowMs();
    this.#options.onReport?.({ type: 'watching', resourceVersion });
    const { kube, resource, namespace, labelSelector, fieldSelector, idleTimeoutMs } = this.#options;
    const select = { namespace, labelSelector, fieldSelector, signal };
    const idle = idleTimeoutMs === undefined ? {} : { idleTimeoutMs };
    for await (const event of kube.watch<T>(resource, { ...select, ...idle, resourceVersion })) {
      this.#take(event);
      this.#failures = 0;
    }
    if (this.#clock.nowMs() - startedMs >= goodWatchMs) this.#failures = 0;
    else if (this.#resourceVersion === resourceVersion) throw closedAtOnce();
  }

  async #list(signal: AbortSignal): Promise<string> {
    const asked = [...this.#relists];
    const { kube, resource, namespace, labelSelector, fieldSelector, pageSize } = this.#options;
    const page = pageSize === undefined ? {} : { pageSize };
    const select = { namespace, labelSelector, fieldSelector, signal };
    const { items, resourceVersion } = await kube.list<T>(resource, { ...select, ...page });
    this.#publish(this.#store.replaceAll(items.map(withoutManagedFields)));
    this.#resourceVersion = resourceVersion;
    this.#options.onReport?.({ type: 'listed', items: items.length });
    this.#sync.resolve();
    this.#relists = this.#relists.filter((done) => !asked.includes(done));
    for (const done of asked) done();
    return resourceVersion;
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'DELETED') this.#publish(this.#store.remove(keyOf(event.object), event.object));
    else if (event.type !== 'BOOKMARK') this.#publish(this.#store.put(withoutManagedFields(event.object)));
    // Only now: a failure before this line must bring the event again.
    this.#resourceVersion = event.resourceVersion;
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    // The revision is gone; or an event cannot be read and would come again; or the server was silent, and may be one whose
    // revisions went back (a restored etcd): a watch from a revision in its future would wait for ever.
    if (isKubeError(error, 'Expired', 'Gone', 'TimedOut', 'InvalidAnswer')) this.#resourceVersion = undefined;
    this.#failures += 1;
    const { random = Math.random, backOff = defaultBackOff } = this.#options;
    const asked = error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs) : 0;
    const retryAfterMs = Math.max(asked, jittered(backOffMs(this.#failures, backOff), random));
    this.#options.onReport?.({ type: 'failed', error, retryAfterMs });
    await pause(this.#clock, retryAfterMs, signal);
  }

  #publish(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      for (const handler of this.#handlers) this.#tell(handler, change);
    }
  }

  #tell(handler: (change: Change<T>) => void, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#options.onReport?.({ type: 'handler_failed', error });
    }
  }
}

/** Nobody reads them, and they are often larger than the object. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}

function closedAtOnce(): KubeError {
  return new KubeError('watch: the server closes it at once, without an event', {
    code: 0,
    reason: 'Unreachable',
  });
}
