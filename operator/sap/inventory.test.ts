import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { once } from 'node:events';
import { Agent } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startEmulator } from '../../test/sap-emulator/emulator.ts';
import type { Emulator } from '../../test/sap-emulator/emulator.ts';
import { systemClock } from '../kube/clock.ts';
import { AiApi } from './ai-api.ts';
import { readInventory } from './inventory.ts';
import type { Inventory } from './inventory.ts';
import { parseServiceKey } from './service-key.ts';
import { TokenBroker } from './token-broker.ts';

let dispatcher: Agent;
let emulator: Emulator;
let stub: Server | undefined;
const { signal } = new AbortController();

beforeEach(async () => {
  dispatcher = new Agent({ allowH2: false });
  emulator = await startEmulator();
});
afterEach(async () => {
  await dispatcher.destroy();
  await emulator.close();
  stub?.closeAllConnections();
  stub?.close();
  stub = undefined;
});

function read(resourceGroups: string[], apiUrl = emulator.url): Promise<Inventory> {
  const document = { ...emulator.serviceKey(), serviceurls: { AI_API_URL: apiUrl } };
  const key = parseServiceKey({ sk: JSON.stringify(document) }, { allowedHosts: [] });
  const broker = new TokenBroker({ dispatcher, clock: systemClock });
  return readInventory(new AiApi({ key, broker, dispatcher }), { resourceGroups, signal });
}

/** An AI Core with answers that the emulator does not give: tokens still come from there. */
async function answering(answers: Record<string, unknown[]>): Promise<string> {
  stub = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const resources = answers[path] ?? [];
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ count: resources.length, resources }));
  });
  stub.listen(0, '127.0.0.1');
  await once(stub, 'listening');
  const address = stub.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

const groups = [{ resourceGroupId: 'default', status: 'PROVISIONED' }];

test('deployments of all groups are read with their models, and their objects are kept whole', async () => {
  const { hubAvailable, deployments, models } = await read(['default', 'team-a']);
  expect(hubAvailable).toBe(true);
  expect(new Set(deployments.map(({ resourceGroup }) => resourceGroup))).toEqual(
    new Set(['default', 'team-a']),
  );
  expect(models.map(({ model }) => model)).toContain('gpt-4o');
  for (const { id, raw } of deployments) expect(raw).toMatchObject({ id, createdAt: expect.any(String) });
  const hub = deployments.filter(({ scenarioId }) => scenarioId === 'foundation-models');
  expect(hub.filter(({ model, executableId }) => model === undefined || executableId === '')).toEqual([]);
});

test('a token that AI Core does not accept is replaced once', async () => {
  emulator.addFault({ fault: 'http-401', match: { route: 'models' }, count: 1 });
  expect((await read(['default'])).models.length).toBeGreaterThan(0);
  expect(emulator.captured.counts()['token']).toBe(2);
  emulator.addFault({ fault: 'http-401', match: { route: 'models' } });
  await expect(read(['default'])).rejects.toMatchObject({ reason: 'AccessDenied' });
});

test('a group that is not provisioned yet is as good as none', async () => {
  const url = await answering({
    '/v2/admin/resourceGroups': [...groups, { resourceGroupId: 'new', status: 'PROVISIONING' }],
  });
  await expect(read(['default', 'new'], url)).rejects.toMatchObject({ reason: 'ResourceGroupNotFound' });
});

test('without its scenario there is no hub, and no models are asked for', async () => {
  const url = await answering({ '/v2/admin/resourceGroups': groups, '/v2/lm/scenarios': [{ id: 'other' }] });
  expect(await read(['default'], url)).toEqual({ hubAvailable: false, deployments: [], models: [] });
});

test('what a deployment does not say its configuration does; what cannot be read is left out alone', async () => {
  const bare = { id: 'd1', configurationId: 'c1', scenarioId: 'foundation-models', status: 'RUNNING' };
  const parameterBindings = [
    { key: 'modelName', value: 'gpt-4o' },
    { key: 'modelVersion', value: 'latest' },
  ];
  const url = await answering({
    '/v2/admin/resourceGroups': groups,
    '/v2/lm/scenarios': [{ id: 'foundation-models' }],
    '/v2/lm/scenarios/foundation-models/models': [
      { model: 'gpt-4o', executableId: 'azure-openai', versions: [{ name: '1' }, { name: {} }] },
      { model: 7 },
    ],
    '/v2/lm/deployments': [bare, { status: 'RUNNING' }, 'nonsense'],
    '/v2/lm/configurations': [{ id: 'c1', executableId: 'azure-openai', parameterBindings }],
  });
  expect(await read(['default'], url)).toEqual({
    hubAvailable: true,
    models: [
      {
        model: 'gpt-4o',
        executableId: 'azure-openai',
        versions: [{ name: '1', isLatest: false, deprecated: false }],
      },
    ],
    deployments: [
      {
        resourceGroup: 'default',
        id: 'd1',
        scenarioId: 'foundation-models',
        executableId: 'azure-openai',
        status: 'RUNNING',
        model: 'gpt-4o',
        version: 'latest',
        raw: bare,
      },
    ],
  });
});

test('an answer that is no list is not taken for an empty one', async () => {
  stub = createServer((_request, response) => response.end('{"resources": 7}'));
  stub.listen(0, '127.0.0.1');
  await once(stub, 'listening');
  const address = stub.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await expect(read(['default'], `http://127.0.0.1:${port}`)).rejects.toMatchObject({
    reason: 'AiCoreAnswerInvalid',
    message: expect.stringContaining('is not a list of resources'),
  });
});
