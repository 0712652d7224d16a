import type { z } from 'zod';

/** A stored object that does not fit its schema; the message names the object and the field. */
export class StoredObjectError extends Error {
  override readonly name = 'StoredObjectError';
  readonly reason = 'schema_mismatch';
  /** Where the first mismatch is, such as `spec.period.startDay`. */
  readonly field: string;

  constructor(field: string, message: string, options: ErrorOptions) {
    super(message, options);
    this.field = field;
  }
}

/**
 * Reads an object as the API server stored it, also one from before a field existed: defaults are filled in,
 * unknown fields are dropped.
 *
 * @throws StoredObjectError names the first field that does not fit
 */
export function parseStored<Schema extends z.ZodType>(schema: Schema, stored: unknown): z.output<Schema> {
  const result = schema.safeParse(stored);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.map(String).join('.') ?? '';
  const what = issue?.message ?? 'does not fit its schema';
  throw new StoredObjectError(
    field,
    `${nameOf(stored)}: ${field || 'the object'}: ${what}. Correct the field and apply the object again.`,
    { cause: result.error },
  );
}

/** Kind, namespace and name as far as the object has them. */
function nameOf(stored: unknown): string {
  const { kind, metadata } = membersOf(stored);
  const { namespace, name } = membersOf(metadata);
  const path = [namespace, name].filter((part) => typeof part === 'string').join('/');
  return `${typeof kind === 'string' ? kind : 'object'} ${path || 'without a name'}`;
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
