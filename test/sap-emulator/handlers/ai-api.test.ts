import { expect, test } from 'vitest';
import { z } from 'zod';
import { deploymentIds, launch } from '../test-client.ts';

const list = z.object({ count: z.number(), resources: z.array(z.record(z.string(), z.unknown())) });

test.each([
  { query: '', want: 12 },
  { query: '?scenarioId=orchestration', want: 2 },
  { query: '?scenarioId=orchestration&status=RUNNING', want: 1 },
  { query: '?scenarioId=foundation-models&status=RUNNING&executableIds=azure-openai', want: 7 },
  { query: '?executableIds=aws-bedrock,gcp-vertexai', want: 2 },
  { query: '?executableIds=aws-bedrock&executableIds=gcp-vertexai', want: 2 },
  { query: '?status=PENDING', want: 0 },
])('lists $want deployments for "$query"', async ({ query, want }) => {
  const { client } = await launch();
  const answer = list.parse(await (await client.get(`/v2/lm/deployments${query}`)).json());
  expect([answer.count, answer.resources.length]).toEqual([want, want]);
});

test('pages through a list whose count is that of the whole', async () => {
  const { client } = await launch();
  const answer = list.parse(await (await client.get('/v2/lm/deployments?$top=2&$skip=1')).json());
  expect(answer.count).toBe(12);
  expect(answer.resources.map(({ id }) => id)).toEqual(['d000000000000002', 'd000000000000003']);
  expect((await client.get('/v2/lm/deployments?$top=x')).status).toBe(400);
  expect(await (await client.get('/v2/lm/deployments/$count?status=STOPPED')).text()).toBe('2');
});

test('a deployment of another resource group is not there', async () => {
  const { client } = await launch();
  const path = `/v2/lm/deployments/${deploymentIds.teamA}`;
  expect((await client.get(path)).status).toBe(404);
  expect((await client.get(path, { 'ai-resource-group': 'team-a' })).status).toBe(200);
});

test('shows a deployment as SAP does: no executable, an address that leads here, even when stopped', async () => {
  const { emulator, client } = await launch();
  const path = `/v2/lm/deployments/${deploymentIds.stopped}`;
  const answer: unknown = await (await client.get(path)).json();
  expect(answer).toMatchObject({
    id: deploymentIds.stopped,
    status: 'STOPPED',
    targetStatus: 'STOPPED',
    scenarioId: 'foundation-models',
    deploymentUrl: `${emulator.url}/v2/inference/deployments/${deploymentIds.stopped}`,
    details: { resources: { backendDetails: { model: { name: 'gpt-4o-mini', version: '2024-07-18' } } } },
  });
  expect(answer).not.toHaveProperty('executableId');
});

test('shows the model under one spelling, the other, both, or not at all', async () => {
  const { client } = await launch();
  const answer = list.parse(await (await client.get('/v2/lm/deployments')).json());
  const resources = z.object({ resources: z.record(z.string(), z.unknown()) });
  const spellings = answer.resources.map(({ id, details }) => [id, resources.parse(details).resources]);
  expect(Object.fromEntries(spellings)).toMatchObject({
    d000000000000001: {
      backendDetails: { model: { name: 'gpt-4o', version: 'latest' } },
      backend_details: { model: { name: 'gpt-4o', version: 'latest' } },
    },
    d000000000000002: { backend_details: { model: { name: 'gpt-4o', version: '2024-05-13' } } },
    d000000000000005: { backendDetails: { model: { name: 'gpt-5', version: 'latest' } } },
    d00000000000000a: { backendDetails: {}, backend_details: {} },
  });
  expect(Object.fromEntries(spellings).d000000000000002).not.toHaveProperty('backendDetails');
});

test('leads from a deployment to its configuration', async () => {
  const { client } = await launch();
  const deployment: unknown = await (await client.get('/v2/lm/deployments/d000000000000005')).json();
  const id = String(Reflect.get(Object(deployment), 'configurationId'));
  const configuration: unknown = await (await client.get(`/v2/lm/configurations/${id}`)).json();
  expect(configuration).toMatchObject({
    id,
    executableId: 'azure-openai',
    parameterBindings: [
      { key: 'modelName', value: 'gpt-5' },
      { key: 'modelVersion', value: 'latest' },
    ],
  });
  const all = list.parse(await (await client.get('/v2/lm/configurations?scenarioId=orchestration')).json());
  expect(all.count).toBe(1);
});

test('shows rates as text: plain, tiered, and none', async () => {
  const { client } = await launch();
  const answer = list.parse(await (await client.get('/v2/lm/scenarios/foundation-models/models')).json());
  const costs = answer.resources.map(({ model, versions }) => [
    model,
    z
      .array(z.object({ cost: z.unknown().optional() }))
      .parse(versions)
      .map(({ cost }) => cost),
  ]);
  expect(Object.fromEntries(costs)).toMatchObject({
    'gpt-4o': [
      [{ inputCost: '0.00312' }, { outputCost: '0.0092' }],
      [{ inputCost: '0.00156' }, { outputCost: '0.00614' }],
    ],
    'gpt-4o-mini': [[{ inputCost: '0.00112' }, { outputCost: '0.00320' }]],
    'gpt-5.4-nano': [undefined],
    'gemini-2.5-pro': [
      [
        {
          inputCost: '0.00087',
          tier: '1',
          tierDescription: 'Less than or equals to 200k tokens per request',
        },
        { inputCost: '0.00167', tier: '2', tierDescription: 'Greater than 200k tokens per request' },
        { outputCost: '0.00647', tier: '1' },
        { outputCost: '0.00966', tier: '2' },
      ],
    ],
  });
  expect(JSON.stringify(answer)).not.toContain('cacheRead');
});

test.each([
  {
    path: '/v2/admin/resourceGroups',
    want: { count: 2, resources: [{ resourceGroupId: 'default', status: 'PROVISIONED' }, {}] },
  },
  { path: '/v2/admin/resourceGroups/team-a', want: { resourceGroupId: 'team-a' } },
  {
    path: '/v2/lm/scenarios',
    want: { count: 2, resources: [{ id: 'foundation-models' }, { id: 'orchestration' }] },
  },
  { path: '/v2/lm/scenarios/orchestration', want: { id: 'orchestration' } },
  { path: '/v2/lm/meta', want: { runtimeIdentifier: 'aicore' } },
])('answers $path', async ({ path, want }) => {
  const { client } = await launch();
  expect(await (await client.get(path)).json()).toMatchObject(want);
});

test.each([
  { path: '/v2/lm/deployments/d0000000000000ff', status: 404 },
  { path: '/v2/lm/configurations/nothing', status: 404 },
  { path: '/v2/lm/scenarios/nothing', status: 404 },
  { path: '/v2/lm/scenarios/nothing/models', status: 404 },
  { path: '/v2/admin/resourceGroups/nothing', status: 404 },
  { path: '/v2/lm/executions', status: 404 },
  { path: '/oauth/token', status: 405 },
  { path: '/v2/lm/deployments', headers: { 'ai-resource-group': 'nobody' }, status: 404 },
  { path: '/v2/lm/deployments', headers: { 'ai-resource-group': '' }, status: 400 },
])('answers $status for $path with $headers', async ({ path, headers, status }) => {
  const { client } = await launch();
  const response = await client.get(path, headers ?? {});
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({
    error: {
      code: expect.stringMatching(/^\d{8}$/),
      message: expect.any(String),
      requestId: response.headers.get('x-request-id'),
      target: path,
    },
  });
});
