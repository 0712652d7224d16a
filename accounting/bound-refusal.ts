/** Why the price of a request cannot be bounded. */
export type BoundRefusalReason =
  | 'malformed' // the API would not accept it either
  | 'field_not_allowed' // not known to leave the price as it is
  | 'value_not_allowed' // a value of a known field that changes the price
  | 'module_unpriced' // a module of orchestration that costs something nobody has a rate for
  | 'reference_not_allowed' // text that is kept elsewhere, of unknown length
  | 'context_length_unknown' // an image counts as the whole context, and nobody knows how long that is
  | 'too_deep'; // nested deeper than can be walked

/** A request that is not sent, because nothing bounds what it would cost. */
export interface BoundRefusal {
  readonly kind: 'refused';
  /** Where, as a path into the body: `messages[2].content[0].type`. */
  readonly field: string;
  readonly reason: BoundRefusalReason;
  /** What is wrong and what to do; holds names of fields, never what the request says. */
  readonly message: string;
}

/** Runs a walk through a body and makes its refusal an answer. */
export function catchRefusal<T>(walk: () => T): T | BoundRefusal {
  try {
    return walk();
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

/** Ends the walk through a body; caught where the walk began and never seen outside. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: BoundRefusal;

  constructor(refusal: BoundRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** Longer than any path that names of fields alone can make. */
const maxFieldLength = 128;

/**
 * Ends the walk with a refusal of one field.
 *
 * @throws Refused always
 */
export function refuse(reason: BoundRefusalReason, field: string, message: string): never {
  const path = field.length > maxFieldLength ? `${field.slice(0, maxFieldLength)}…` : field;
  throw new Refused({ kind: 'refused', field: path, reason, message: `${path} ${message}` });
}

/** The value as an object; refuses lists and everything else. */
export function requireRecord(value: unknown, field: string): Record<string, unknown> {
  if (isRecord(value)) return value;
  return refuse('malformed', field, 'must be an object');
}

/** The value as a list; refuses everything else. */
export function requireList(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return refuse('malformed', field, 'must be a list');
}

/** The value as text; refuses everything else. */
export function requireText(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  return refuse('malformed', field, 'must be text');
}

/**
 * Refuses every field that is set and not listed: what is not known might cost.
 *
 * @throws Refused
 */
export function requireFields(
  record: Record<string, unknown>,
  allowed: ReadonlySet<string>,
  path: string,
): void {
  for (const [field, value] of Object.entries(record)) {
    if (allowed.has(field) || isUnset(value)) continue;
    refuse(
      'field_not_allowed',
      path === '' ? field : `${path}.${field}`,
      'is not known to leave the price as it is: leave it out',
    );
  }
}

/** Whether a field says nothing: the API takes null for "not set". */
export function isUnset(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
