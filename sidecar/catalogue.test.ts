import { describe, expect, test } from 'vitest';
import type { ReadyBudget } from '../accounting/configuration-messages.ts';
import { Catalogue } from './catalogue.ts';

const cheap = [{ input: '0.001', output: '0.002' }];
const dear = [{ input: '0.003', output: '0.009' }];
const version = (name: string, rest: Partial<ReadyBudget['models'][number]>) => ({
  model: 'gpt-4o',
  version: name,
  executableId: 'azure-openai',
  isLatest: false,
  ...rest,
});
const deployment = (id: string, model: string, served?: string) => ({
  resourceGroup: 'default',
  deployment: {},
  id,
  scenarioId: 'foundation-models',
  executableId: 'azure-openai',
  status: 'RUNNING',
  model,
  ...(served !== undefined && { version: served }),
});

const budget: ReadyBudget = {
  state: 'ready',
  namespace: 'team-a',
  budget: 'chat',
  ledger: { uid: 'l', name: 'l', period: { name: '2026-11', startMs: 0, endMs: 1 } },
  apiUrl: 'http://127.0.0.1/v2',
  resourceGroups: ['default'],
  deployments: [],
  models: [
    version('old', { rates: dear, contextLength: 8000 }),
    version('new', { rates: cheap, contextLength: 4000, isLatest: true }),
    { ...version('1', { isLatest: true }), model: 'unpriced' },
  ],
  factors: [{ from: '2025-01-01', factor: '1' }],
  priceVersion: 'v1',
  allowedModels: ['gpt-*', 'unpriced', 'missing'],
  outputTokens: { minimum: 1 },
};
const lookUp = (model: string, served?: string, changed: Partial<ReadyBudget> = {}) =>
  new Catalogue({ ...budget, ...changed }).model(deployment('d', model, served));

describe('a deployment’s model', () => {
  test('is priced by the version it names', () => {
    expect(lookUp('gpt-4o', 'old')).toMatchObject({
      kind: 'priced',
      model: { version: 'old', rates: dear, possibleRates: [dear], contextLength: 8000 },
    });
  });

  test.each(['latest', undefined])('with version %s is priced by the latest and bounded by all', (served) => {
    expect(lookUp('gpt-4o', served)).toMatchObject({
      kind: 'priced',
      model: { version: 'new', rates: cheap, possibleRates: [dear, cheap], contextLength: 8000 },
    });
  });

  test('has no context length where one of its versions has none', () => {
    const models = [
      version('new', { rates: cheap, isLatest: true }),
      version('old', { rates: dear, contextLength: 8000 }),
    ];
    expect(lookUp('gpt-4o', 'latest', { models })).toMatchObject({
      kind: 'priced',
      model: { contextLength: undefined },
    });
  });

  test.each([
    { name: 'missing', served: 'latest', kind: 'unknown' },
    { name: 'gpt-4o', served: 'other', kind: 'unknown' },
    { name: 'unpriced', served: 'latest', kind: 'unpriced' },
  ])('$name $served is $kind', ({ name, served, kind }) => {
    expect(lookUp(name, served)).toMatchObject({ kind });
  });

  test('that no pattern allows is not allowed', () => {
    expect(lookUp('gpt-4o', 'old', { allowedModels: ['gpt-5*'] })).toEqual({
      kind: 'not_allowed',
      model: 'gpt-4o',
    });
  });

  test('is looked up within its own resource group', () => {
    const catalogue = new Catalogue({
      ...budget,
      deployments: [{ ...deployment('d', 'gpt-4o'), resourceGroup: 'team-a' }],
    });
    expect([catalogue.deployment('default', 'd'), catalogue.deployment('team-a', 'd')?.id]).toEqual([
      undefined,
      'd',
    ]);
  });
});
