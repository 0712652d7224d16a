import { expect, test } from 'vitest';
import { budgetConfiguration } from '../../accounting/configuration-messages.ts';
import { buildConfiguration } from './build-configuration.ts';
import type { ConfigurationParts } from './build-configuration.ts';
import { isAllowed, priceModels } from './price-models.ts';

const card = {
  factors: [
    { from: '2025-10-22', capacityUnitsPerGenAiToken: '1.90385', source: 'later' },
    { from: '2024-12-19', capacityUnitsPerGenAiToken: '2.24038', source: 'earlier' },
  ],
  models: [],
};
const cost = [{ inputCost: '0.00312' }, { outputCost: '0.0092' }];
const models = [
  {
    model: 'gpt-4o',
    executableId: 'azure-openai',
    versions: [
      { name: '2', isLatest: true, deprecated: false, contextLength: 128_000, cost },
      { name: '1', isLatest: false, deprecated: false },
    ],
  },
];
const atMs = Date.parse('2026-11-10T00:00:00Z');

function deployment(id: string, status: string, resourceGroup = 'default') {
  return {
    id,
    status,
    resourceGroup,
    scenarioId: 'foundation-models',
    executableId: 'azure-openai',
    raw: { id, ttl: null },
  };
}

const parts: ConfigurationParts = {
  budget: { namespace: 'team', name: 'main' },
  spec: { outputTokens: { minimum: 64 } },
  resourceGroups: ['default', 'other'],
  allowedModels: ['gpt-*'],
  ledger: { uid: 'u1', name: 'team.main.2026-11', period: { name: '2026-11', startMs: 1, endMs: 2 } },
  apiUrl: 'https://api.ai.example/v2',
  deployments: [deployment('b', 'STOPPED'), deployment('c', 'RUNNING', 'other'), deployment('a', 'RUNNING')],
  models: priceModels(models, { card, atMs }),
  card: { name: 'default', generation: 3, spec: card },
};

test('what is built is a valid message with all that a sidecar needs', () => {
  const built = budgetConfiguration.parse(buildConfiguration(parts));
  expect(built).toMatchObject({
    state: 'ready',
    deployments: [{ id: 'a', deployment: { id: 'a', ttl: null } }, { id: 'c' }, { id: 'b' }],
    models: [
      { version: '1', isLatest: false },
      {
        version: '2',
        isLatest: true,
        contextLength: 128_000,
        rates: [{ input: '0.00312', output: '0.0092' }],
      },
    ],
    factors: [
      { from: '2024-12-19', factor: '2.24038' },
      { from: '2025-10-22', factor: '1.90385' },
    ],
    outputTokens: { minimum: 64 },
  });
  expect(built.state === 'ready' && built.models[0]?.rates).toBe(undefined);
});

test('the order in which SAP lists things is no news', () => {
  const turned = { ...parts, deployments: parts.deployments.toReversed() };
  expect(buildConfiguration(turned)).toEqual(buildConfiguration(parts));
  const [model] = models;
  if (!model) throw new Error('there is a model');
  const reversed = [{ ...model, versions: model.versions.toReversed() }];
  expect(priceModels(reversed, { card, atMs })).toEqual(parts.models);
});

test('the price version changes with a rate and with the card, and only then', () => {
  const version = (changes: Partial<ConfigurationParts>) =>
    buildConfiguration({ ...parts, ...changes }).priceVersion;
  const before = version({});
  expect(before).toMatch(/^default@3\/[0-9a-f]{8}$/);
  expect(version({ deployments: [], apiUrl: 'https://other.example/v2' })).toBe(before);
  expect(version({ card: { ...parts.card, generation: 4 } })).not.toBe(before);
  const [model] = models;
  if (!model) throw new Error('there is a model');
  const dearer = [
    {
      ...model,
      versions: model.versions.map((one) => ({ ...one, cost: [{ inputCost: '1' }, { outputCost: '1' }] })),
    },
  ];
  expect(version({ models: priceModels(dearer, { card, atMs }) })).not.toBe(before);
});

test.each([
  { patterns: [], allowed: true },
  { patterns: ['gpt-5*', 'gpt-4o'], allowed: true },
  { patterns: ['gpt-4'], allowed: false },
])('with patterns $patterns gpt-4o is allowed: $allowed', ({ patterns, allowed }) => {
  expect(isAllowed('gpt-4o', patterns)).toBe(allowed);
});
