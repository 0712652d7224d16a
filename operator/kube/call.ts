/** One HTTP call to the API server. */
export interface KubeCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: object;
  contentType?: string;
  /** Form of the answer; JSON of the whole object unless told. */
  accept?: string;
  signal?: AbortSignal | undefined;
}

/** A successful answer: parsed body, and the server's Date header. */
export interface KubeAnswer {
  body: unknown;
  date: string | undefined;
}

/** What a call is named in errors. */
export function nameOf({ method, path }: Pick<KubeCall, 'method' | 'path'>): string {
  return `${method} ${path}`;
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
