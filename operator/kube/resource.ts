/** The part of `metadata` that this program reads or writes; times are RFC 3339 strings as the API sends them. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

/** An owner in the same namespace (or cluster-wide), as the garbage collector understands it. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Any object as raw JSON: fields that the type does not name are still there and are kept. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

interface DraftFields {
  apiVersion?: string;
  kind?: string;
  metadata?: Partial<ObjectMeta>;
}

/**
 * An object to be sent; apiVersion and kind come from the resource where they are left out. The second form lets literals carry
 * whatever other fields their kind has.
 */
export type KubeDraft = DraftFields | (DraftFields & Record<string, unknown>);

/** An object to be sent to its own address: it has a name. */
export type NamedDraft = KubeDraft & { metadata: Partial<ObjectMeta> & { name: string } };

/** Where objects of one kind live in the API. The core group is the empty string. */
export interface Resource {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

/** What to address inside a resource; without `name` the collection is meant. */
export interface Address {
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
}

/** Resources that more than one part of the operator uses. */
export const namespaces: Resource = core('namespaces', 'Namespace', false);
export const pods: Resource = core('pods', 'Pod', true);
export const secrets: Resource = core('secrets', 'Secret', true);
export const configMaps: Resource = core('configmaps', 'ConfigMap', true);
export const serviceAccounts: Resource = core('serviceaccounts', 'ServiceAccount', true);
export const events: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};
export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
/** Virtual: only `create` works, and nothing is stored. */
export const tokenReviews: Resource = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};

function core(plural: string, kind: string, namespaced: boolean): Resource {
  return { group: '', version: 'v1', plural, kind, namespaced };
}

/** `v1` for the core group, else `group/version`. */
function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * URL path of an object or a collection. A namespaced collection without a namespace spans all of them.
 * Throws a TypeError where a name is empty or could step out of its path segment.
 */
export function resourcePath(resource: Resource, { namespace, name, subresource }: Address): string {
  const root = resource.group === '' ? '/api' : `/apis/${resource.group}`;
  const parts = [`${root}/${resource.version}`];
  if (resource.namespaced && name !== undefined && namespace === undefined) {
    throw new TypeError(`${resource.kind} is namespaced: say which namespace "${name}" is in`);
  }
  if (resource.namespaced && namespace !== undefined) parts.push('namespaces', segment(namespace));
  parts.push(resource.plural);
  if (name !== undefined) parts.push(segment(name));
  if (subresource !== undefined) parts.push(segment(subresource));
  return parts.join('/');
}

function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.length > 253 || /[/%\s]/.test(name)) {
    throw new TypeError(`${JSON.stringify(name.slice(0, 64))} is no Kubernetes name`);
  }
  return encodeURIComponent(name);
}

/**
 * True for what the API server sends as an object. `T` is the caller's word for what lies in it: the server has checked it against
 * its schema, and whoever needs more (an object stored by an older version) parses it.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the one place where the caller's type is trusted
export function isKubeObject<T extends KubeObject>(value: unknown): value is T {
  return isRecord(value) && isRecord(value['metadata']);
}

/** True for a JSON object, so neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object with the apiVersion and kind of its resource, where it has none. */
export function withType<T extends KubeDraft>(resource: Resource, object: T): T {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}
