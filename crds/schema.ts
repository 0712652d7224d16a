import { z } from 'zod';

/** A structural OpenAPI schema of a CRD, as far as we use one. */
export interface StructuralSchema {
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  format?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  items?: StructuralSchema;
  required?: string[];
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-validations'?: { rule: string; message: string }[];
}

/** Why a zod schema cannot become part of a CRD. */
export type SchemaErrorReason =
  | 'check_lost' // zod knows a check that the CRD would silently not have
  | 'keyword_unknown' // a keyword that is not structural, or that we have no use for
  | 'pattern_unsupported' // a regular expression that RE2 reads differently or not at all
  | 'unbounded' // a value without a largest size
  | 'incomplete'; // a description or a list type is missing

/** A zod schema that cannot become part of a CRD; the message names the field and what to write instead. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly reason: SchemaErrorReason;

  constructor(reason: SchemaErrorReason, path: string, advice: string) {
    super(`${path}: ${advice}`);
    this.reason = reason;
  }
}

/** Keywords in the order in which they are printed; any other is refused. */
const keywords = [
  'description',
  'type',
  'format',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'maxProperties',
  'items',
  'required',
  'properties',
  'additionalProperties',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
] as const satisfies (keyof StructuralSchema)[];

const knownKeywords: ReadonlySet<string> = new Set(keywords);

/** Checks of zod that arrive in the JSON schema; all others would be lost without a word. */
const faithfulChecks: ReadonlySet<string> = new Set([
  'string_format',
  'min_length',
  'max_length',
  'greater_than',
  'less_than',
  'number_format',
]);

/**
 * Turns a zod schema into the structural schema of what a user writes: fields with a default are optional.
 * The same input gives the same output, key by key.
 *
 * @param path name of the schema in errors, such as `spec`
 * @throws SchemaError where the CRD would accept other objects than zod does, or without bound
 */
export function structuralSchema(schema: z.ZodType, path: string): StructuralSchema {
  const json = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    cycles: 'throw',
    unrepresentable: 'throw',
    override: ({ zodSchema, path: below }) => {
      refuseLostChecks(zodSchema, [path, ...below.filter((step) => step !== 'properties')].join('.'));
    },
  });
  return described(structure({ ...json }, path), path);
}

function refuseLostChecks(schema: z.core.$ZodTypes, path: string): void {
  // zod documents `_zod.def` as the place for tools to look at.
  const {
    _zod: { def: own },
  } = schema;
  const checks = (own.checks ?? []).map((each) => checkDefinition(each));
  const all =
    'check' in own && typeof own.check === 'string' ? [...checks, { ...own, check: own.check }] : checks;
  for (const check of all) {
    if (!faithfulChecks.has(check.check)) {
      throw new SchemaError(
        'check_lost',
        path,
        `the CRD would lose the check ${check.check}; write a CEL rule`,
      );
    }
    const flags = 'pattern' in check && check.pattern instanceof RegExp ? check.pattern.flags : '';
    if (flags !== '') {
      throw new SchemaError(
        'check_lost',
        path,
        `the CRD would lose the flag ${flags}; write it into the pattern`,
      );
    }
  }
}

function checkDefinition({ _zod: { def } }: z.core.$ZodCheck): z.core.$ZodCheckDef {
  return def;
}

/** Rewrites one level of zod's JSON schema, then those below it. */
function structure(json: Record<string, unknown>, path: string): StructuralSchema {
  const source = 'anyOf' in json ? mergeIntOrString(json, path) : json;
  for (const key of Object.keys(source)) {
    if (!knownKeywords.has(key))
      throw new SchemaError('keyword_unknown', path, `${key} has no place in a CRD`);
  }
  const result: Record<string, unknown> = {};
  for (const key of keywords) {
    if (source[key] !== undefined) result[key] = structureValue(key, source[key], path);
  }
  const structural: StructuralSchema = result;
  checkBounds(structural, path);
  return structural;
}

function structureValue(key: (typeof keywords)[number], value: unknown, path: string): unknown {
  if (key === 'properties') {
    return Object.fromEntries(
      Object.entries(asObject(value, path)).map(([name, field]) => {
        const below = `${path}.${name}`;
        return [name, described(structure(asObject(field, below), below), below)];
      }),
    );
  }
  if (key === 'items') return structure(asObject(value, path), `${path}[]`);
  if (key === 'additionalProperties') return structure(asObject(value, path), `${path}.*`);
  return key === 'pattern' && typeof value === 'string' ? portablePattern(value, path) : value;
}

/** `kubectl explain` and the reference page show nothing but descriptions. */
function described(schema: StructuralSchema, path: string): StructuralSchema {
  if (schema.description !== undefined) return schema;
  throw new SchemaError('incomplete', path, 'needs a description: .describe(…)');
}

/** One schema for "an integer or a text" instead of the two that zod writes. */
function mergeIntOrString(json: Record<string, unknown>, path: string): Record<string, unknown> {
  const { anyOf, ...rest } = json;
  if (rest['x-kubernetes-int-or-string'] !== true || !Array.isArray(anyOf)) {
    throw new SchemaError(
      'keyword_unknown',
      path,
      'a union is not structural; use optional fields and a CEL rule',
    );
  }
  const merged = { ...rest };
  for (const option of anyOf) {
    const { type, ...bounds } = asObject(option, path);
    if (type !== 'integer' && type !== 'string') {
      throw new SchemaError('keyword_unknown', path, 'only an integer and a text can share a field');
    }
    Object.assign(merged, bounds);
  }
  return merged;
}

/** The pattern as RE2 understands it: JavaScript escapes the slash, which needs none. */
function portablePattern(pattern: string, path: string): string {
  if (/\(\?[=!<]|\\[1-9]|\\k</.test(pattern)) {
    throw new SchemaError('pattern_unsupported', path, 'RE2 has no look-around and no back-references');
  }
  return pattern.replaceAll(String.raw`\/`, '/');
}

const boundsByType: Record<string, (keyof StructuralSchema)[]> = {
  string: ['maxLength'],
  integer: ['minimum', 'maximum'],
  array: ['maxItems', 'items', 'x-kubernetes-list-type'],
  boolean: [],
};

/** Every value needs a largest size: etcd's sake, and what the cost of CEL rules is estimated by. */
function checkBounds(schema: StructuralSchema, path: string): void {
  if (schema.enum !== undefined) return;
  for (const bound of neededBounds(schema, path)) {
    if (schema[bound] === undefined) throw new SchemaError('unbounded', path, `needs ${bound}`);
  }
}

function neededBounds(schema: StructuralSchema, path: string): (keyof StructuralSchema)[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['maxLength', 'pattern', 'minimum', 'maximum'];
  if (schema.type === 'object') return schema.additionalProperties ? ['maxProperties'] : ['properties'];
  const bounds = boundsByType[schema.type ?? ''];
  if (bounds === undefined)
    throw new SchemaError('keyword_unknown', path, `type ${schema.type} is not for a CRD`);
  return bounds;
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new SchemaError('keyword_unknown', path, 'is not a schema of its own');
}
