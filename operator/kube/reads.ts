import { objectIn } from './answer.ts';
import type { KubeAnswer, KubeCall, SelectOptions } from './call.ts';
import type { KubeConnection } from './connection.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import { resourcePath, withType } from './resource.ts';
import type { KubeObject, Resource } from './resource.ts';

/** Waits for that many milliseconds; rejects when the signal fires. */
export type Wait = (ms: number, signal?: AbortSignal) => Promise<unknown>;

/** A whole list, complete as of `resourceVersion`. */
export interface KubeList<T> {
  items: T[];
  resourceVersion: string;
}

/** What to list, and how much at once and at most. */
export interface ListOptions extends SelectOptions {
  pageSize?: number;
  maxItems?: number;
  /** Of each object nothing but its metadata is read: pods are ten times as large. */
  metadataOnly?: boolean;
}

/** Attempts of one read in all; writes are never repeated by the client, their outcome may be unknown. */
const maxReadAttempts = 4;
/** Longest Retry-After that a read follows; a longer one is left to the caller, who sees it in the error. */
const maxRetryAfterMs = 10_000;
/** First wait where the server names none; doubles. */
const firstRetryMs = 500;
/** Objects in one page; client-go's reflectors use the same. */
const defaultPageSize = 500;
/** More objects than this in one list are refused rather than held in memory. */
const defaultMaxItems = 200_000;

/** Repeats a read that the server put off, or whose connection broke, within bounds. */
export async function sendRead(connection: KubeConnection, call: KubeCall, wait: Wait): Promise<KubeAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await connection.send(call);
    } catch (error) {
      const waitMs = retryWaitMs(error, attempt);
      if (waitMs === undefined) throw error;
      await wait(waitMs, call.signal);
    }
  }
}

function retryWaitMs(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof KubeError) || attempt >= maxReadAttempts) return undefined;
  // A pooled connection that the server closed in the same moment breaks once; a dead server breaks again.
  if (error.reason === 'Unreachable') return attempt === 1 ? 0 : undefined;
  if (error.code !== 429 && error.code !== 503) return undefined;
  const waitMs = error.retryAfterMs ?? firstRetryMs * 2 ** (attempt - 1);
  return waitMs <= maxRetryAfterMs ? waitMs : undefined;
}

const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

interface ListPage<T> extends KubeObject {
  items: T[] | null;
  metadata: KubeObject['metadata'] & { resourceVersion: string; continue?: string };
}

/**
 * All pages of one revision. If that revision is compacted meanwhile, starts over once. `RequestEntityTooLarge` where there are
 * more than `maxItems`.
 */
export async function listAll<T extends KubeObject>(
  send: (call: KubeCall) => Promise<KubeAnswer>,
  resource: Resource,
  options: ListOptions,
): Promise<KubeList<T>> {
  try {
    return await listPages<T>(send, resource, options);
  } catch (error) {
    if (!isKubeError(error, 'Expired', 'Gone')) throw error;
    return listPages<T>(send, resource, options);
  }
}

async function listPages<T extends KubeObject>(
  send: (call: KubeCall) => Promise<KubeAnswer>,
  resource: Resource,
  options: ListOptions,
): Promise<KubeList<T>> {
  const { namespace, pageSize = defaultPageSize, maxItems = defaultMaxItems, signal } = options;
  const { labelSelector, fieldSelector, metadataOnly = false } = options;
  const path = resourcePath(resource, { namespace });
  const form = metadataOnly ? { accept: metadataList } : {};
  const items: T[] = [];
  let page: ListPage<T> | undefined;
  do {
    const limit = String(pageSize);
    const query = { labelSelector, fieldSelector, limit, continue: page?.metadata.continue };
    const call: KubeCall = { method: 'GET', path, query, signal, ...form };
    page = await objectIn<ListPage<T>>(send(call), call);
    // Members of a list carry no kind of their own, watched objects do: make them alike.
    for (const item of page.items ?? []) items.push(withType(resource, item));
    if (items.length > maxItems) throw tooMany(path, maxItems);
  } while (page.metadata.continue);
  return { items, resourceVersion: page.metadata.resourceVersion };
}

function tooMany(path: string, maxItems: number): KubeError {
  return new KubeError(`list ${path}: more than ${maxItems} objects; select fewer`, {
    code: 0,
    reason: 'RequestEntityTooLarge',
  });
}
