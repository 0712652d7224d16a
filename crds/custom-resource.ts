import { z } from 'zod';

/** API group of every kind of ours. */
export const group = 'sapai.eerly.ai';

/** The one version served and stored. */
export const version = 'v1alpha1';

/** `apiVersion` of every object of ours. */
export const apiVersion = 'sapai.eerly.ai/v1alpha1';

/** One column of `kubectl get`; priority 1 shows with `-o wide` alone. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description: string;
  priority?: 1;
}

/** Whether an object can be used. */
export const readyColumn: PrinterColumn = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether it can be used.',
};

/** How long an object has existed. */
export const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
};

/** A condition type the operator sets, for the reference page; `good` is the status of a healthy object. */
export interface ConditionDoc {
  type: string;
  good: 'True' | 'False';
  meaning: string;
}

/** What a CRD is generated from; `rules` are checked at the root of the object, where the name is in reach. */
export interface CustomResource {
  kind: string;
  plural: string;
  singular: string;
  shortName: string;
  scope: 'Namespaced' | 'Cluster';
  summary: string;
  rules: Rule[];
  spec: z.ZodType;
  /** Absent: the kind has no status subresource. */
  status?: z.ZodType;
  columns: PrinterColumn[];
  conditions: ConditionDoc[];
}

/** A CEL rule and what the API server says when it does not hold; messages read on after the field's name. */
export interface Rule {
  rule: string;
  message: string;
}

/** CEL rules as metadata of a zod schema: `z.object({…}).meta(validated({ rule, message }))`. */
export function validated(...rules: Rule[]): { 'x-kubernetes-validations': Rule[] } {
  return { 'x-kubernetes-validations': rules };
}

/** A list whose items are unique and merged one by one under server-side apply; order means nothing. */
export const listSet = { 'x-kubernetes-list-type': 'set' };

/** A list that is replaced as a whole; order means something. */
export const listAtomic = { 'x-kubernetes-list-type': 'atomic' };

/** A list of objects that are told apart by `keys`, which are unique. */
export function listMap(...keys: string[]): Record<string, unknown> {
  return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys };
}

/** The members of `metadata` we use; the others are dropped when an object is parsed. */
export const objectMeta = z.object({
  name: z.string(),
  namespace: z.string().exactOptional(),
  uid: z.string().exactOptional(),
  resourceVersion: z.string().exactOptional(),
  generation: z.number().exactOptional(),
  creationTimestamp: z.string().exactOptional(),
  deletionTimestamp: z.string().exactOptional(),
  labels: z.record(z.string(), z.string()).exactOptional(),
  annotations: z.record(z.string(), z.string()).exactOptional(),
  finalizers: z.array(z.string()).exactOptional(),
});

/** `metadata` of a namespaced object as the API server returns it. */
export const namespacedMeta = objectMeta.extend({ namespace: z.string() });
