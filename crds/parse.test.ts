import { expect, test } from 'vitest';
import { sapAiBudget } from './budget.ts';
import { parseStored, StoredObjectError } from './parse.ts';

const stored = {
  apiVersion: 'sapai.eerly.ai/v1alpha1',
  kind: 'SapAiBudget',
  metadata: { name: 'chat', namespace: 'team-a', uid: '1', managedFields: [] },
  spec: { aiCore: { serviceKeySecretRef: { name: 'aicore-key' } }, monthlyLimit: 2500, later: 'unknown' },
};

test('an object from before a field existed gets its defaults, and loses what nobody knows', () => {
  expect(parseStored(sapAiBudget, stored)).toEqual({
    apiVersion: 'sapai.eerly.ai/v1alpha1',
    kind: 'SapAiBudget',
    metadata: { name: 'chat', namespace: 'team-a', uid: '1' },
    spec: {
      aiCore: { serviceKeySecretRef: { name: 'aicore-key' }, resourceGroups: ['default'] },
      enforcement: 'Enforce',
      monthlyLimit: '2500',
      allowedModels: [],
      outputTokens: { minimum: 64 },
    },
  });
});

test('an object that does not fit is refused with its name and the field', () => {
  const wrong = { ...stored, spec: { ...stored.spec, period: { startDay: 31 } } };
  const parsing = (): unknown => parseStored(sapAiBudget, wrong);
  expect(parsing).toThrow(StoredObjectError);
  expect(parsing).toThrow(
    expect.objectContaining({
      field: 'spec.period.startDay',
      message: expect.stringMatching(/^SapAiBudget team-a\/chat: spec\.period\.startDay: .*28/),
    }),
  );
});

test.each([undefined, null, 'text', 7, []])('what is no object is refused: %j', (value) => {
  expect(() => parseStored(sapAiBudget, value)).toThrow(/^object without a name: the object: /);
});
