import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { listSet, validated } from './custom-resource.ts';
import { quantity } from './quantity.ts';
import { SchemaError, structuralSchema } from './schema.ts';

const text = z.string().max(10).describe('A text.');

/** An object with the schema as its only field. */
const holding = (field: z.ZodType): z.ZodType => z.object({ field }).describe('An object.');

describe('what a CRD would lose or cannot hold stops the generator, which names the field', () => {
  test.each([
    { name: 'a refinement', field: text.refine((value) => value !== 'no'), reason: 'check_lost' },
    { name: 'a trimmed text', field: text.trim(), reason: 'check_lost' },
    { name: 'a flag of a pattern', field: text.regex(/^a$/i), reason: 'check_lost' },
    {
      name: 'a refinement behind a default',
      field: text.refine((value) => value !== 'no').default('yes'),
      reason: 'check_lost',
    },
    { name: 'a union', field: z.union([text, z.boolean()]).describe('Either.'), reason: 'keyword_unknown' },
    {
      name: 'a union of objects that is said to be an integer or a text',
      field: z
        .union([text, z.boolean()])
        .meta({ 'x-kubernetes-int-or-string': true, description: 'Either.' }),
      reason: 'keyword_unknown',
    },
    { name: 'two patterns', field: text.regex(/a/).regex(/b/), reason: 'keyword_unknown' },
    {
      name: 'a strict object',
      field: z.strictObject({ text }).describe('An object.'),
      reason: 'keyword_unknown',
    },
    { name: 'anything', field: z.unknown().describe('Anything.'), reason: 'keyword_unknown' },
    { name: 'a fraction', field: z.number().min(0).max(1).describe('A part.'), reason: 'keyword_unknown' },
    { name: 'a lookahead', field: text.regex(/^(?!no)/), reason: 'pattern_unsupported' },
    { name: 'a lookbehind', field: text.regex(/(?<!no)$/), reason: 'pattern_unsupported' },
    { name: 'a back-reference', field: text.regex(/^(a)\1$/), reason: 'pattern_unsupported' },
    { name: 'a text without bound', field: z.string().describe('A text.'), reason: 'unbounded' },
    {
      name: 'a list without bound',
      field: z.array(text).meta(listSet).describe('Texts.'),
      reason: 'unbounded',
    },
    { name: 'a list without list type', field: z.array(text).max(3).describe('Texts.'), reason: 'unbounded' },
    {
      name: 'a map without bound',
      field: z.record(z.string(), text).describe('Texts by name.'),
      reason: 'unbounded',
    },
    { name: 'a field without description', field: z.string().max(10), reason: 'incomplete' },
  ])('$name', ({ field, reason }) => {
    const generate = (): unknown => structuralSchema(holding(field), 'spec');
    expect(generate).toThrow(SchemaError);
    expect(generate).toThrow(
      expect.objectContaining({ reason, message: expect.stringMatching(/^spec\.field/) }),
    );
  });
});

test('an object comes out structural, its fields with bounds, defaults and rules', () => {
  const rule = { rule: 'self.from <= self.to', message: 'from must be at most to' };
  const schema = z
    .object({
      from: z.int32().min(0).max(9).default(1).describe('First.'),
      path: z
        .string()
        .max(20)
        .regex(/^[a-z/]+\/$/)
        .optional()
        .describe('Where.'),
      names: z.array(z.string().max(3)).max(2).meta(listSet).describe('Names.'),
    })
    .meta(validated(rule))
    .describe('A range.');
  expect(structuralSchema(schema, 'spec')).toEqual({
    description: 'A range.',
    type: 'object',
    required: ['names'],
    properties: {
      from: { description: 'First.', type: 'integer', default: 1, minimum: 0, maximum: 9 },
      path: { description: 'Where.', type: 'string', maxLength: 20, pattern: '^[a-z/]+/$' },
      names: {
        description: 'Names.',
        type: 'array',
        maxItems: 2,
        items: { type: 'string', maxLength: 3 },
        'x-kubernetes-list-type': 'set',
      },
    },
    'x-kubernetes-validations': [rule],
  });
});

test('a quantity comes out as one integer-or-string with the bounds of both', () => {
  expect(structuralSchema(quantity.describe('An amount.'), 'amount')).toMatchObject({
    'x-kubernetes-int-or-string': true,
    minimum: 0,
    maximum: 1_000_000_000,
    maxLength: 32,
    pattern: expect.stringMatching(/^\^.*\$$/),
  });
});
