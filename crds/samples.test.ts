import { describe, expect, test } from 'vitest';
import { customResources } from './resources.ts';
import { structuralSchema, type StructuralSchema } from './schema.ts';
import { readExamples, readSamples, schemaByKind, type Manifest } from './test-manifests.ts';

const invalid = readSamples('invalid');

/** Paths at which two values differ, without looking into what only one of them has. */
function differences(one: unknown, other: unknown, path = ''): string[] {
  if (Array.isArray(one) && Array.isArray(other) && one.length !== other.length) return [path];
  if (!isContainer(one) || !isContainer(other)) return Object.is(one, other) ? [] : [path];
  const left: Record<string, unknown> = { ...one };
  const right: Record<string, unknown> = { ...other };
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].flatMap((key) => differences(left[key], right[key], `${path}.${key}`));
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function rulesOf(schema: StructuralSchema): string[] {
  const below = [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])];
  const own = schema['x-kubernetes-validations'] ?? [];
  return [...own.map(({ message }) => message), ...below.flatMap(rulesOf)];
}

function parses({ kind, ...rest }: Manifest): boolean {
  const metadata = { namespace: 'team-a', ...rest.metadata };
  return schemaByKind[kind]?.safeParse({ ...rest, kind, metadata }).success ?? false;
}

describe('invalid samples', () => {
  test.each(invalid)('$name differs from its valid twin in one field', ({ object, twin, message }) => {
    expect(message).toBeDefined();
    expect(differences(object, twin)).toHaveLength(1);
  });

  test('every rule of every kind has one', () => {
    const messages = new Set(invalid.map(({ message }) => message));
    const rules = customResources.flatMap((resource) => [
      ...resource.rules.map(({ message }) => message),
      ...rulesOf(structuralSchema(resource.spec, 'spec')),
    ]);
    expect(rules).not.toHaveLength(0);
    expect(rules.filter((rule) => !messages.has(rule))).toEqual([]);
  });
});

test.each(readSamples('valid'))('$name can be parsed', ({ object }) => {
  expect(parses(object)).toBe(true);
});

test.each(readExamples().filter(({ object }) => object.kind in schemaByKind))(
  'the example $name can be parsed',
  ({ object }) => {
    expect(parses(object)).toBe(true);
  },
);

test('the differences that the samples are held to are found wherever they are', () => {
  const one = { a: [{ b: 1 }, { b: 2 }], c: { d: 'x' } };
  expect(differences(one, structuredClone(one))).toEqual([]);
  expect(differences(one, { a: [{ b: 1 }, { b: 3 }], c: { d: 'x' } })).toEqual(['.a.1.b']);
  expect(differences(one, { a: [{ b: 1 }], c: {} })).toEqual(['.a', '.c.d']);
});
