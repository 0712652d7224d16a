import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { nanoPerCu } from '../../accounting/amount.ts';
import { standardTenants } from '../../test/sap-emulator/catalogue.ts';
import type { ServiceKey } from '../../test/sap-emulator/service-key.ts';
import { ledgerResource } from '../ledger/ledger-store.ts';
import { keyOf, ledgerOf, plainSpec as spec, ready, startBudgetWorld } from '../testing/budget-world.ts';
import type { BudgetWorld } from '../testing/budget-world.ts';
import type { OperatorFixture } from '../testing/operator-fixture.ts';
import { takeLease } from '../testing/sidecar-calls.ts';

let world: BudgetWorld;
let fixture: OperatorFixture;

beforeAll(async () => {
  world = await startBudgetWorld();
  ({ fixture } = world);
});
afterAll(() => world?.stop());

test('a budget with a good key becomes ready, has a ledger, and its sidecars are told all they need', async () => {
  const { namespace, emulator } = await world.readyBudget({ monthlyLimit: '12.5' });
  const { status } = (await fixture.budget(namespace)) ?? {};
  const name = status?.ledgerName ?? '';
  expect(status).toMatchObject({ limit: '12.5', spent: '0', reserved: '0', held: '0', remaining: '12.5' });
  expect(name).toBe(`${namespace}.main.${status?.period?.name}`);
  const ledger = await fixture.kube.get(ledgerResource, { namespace: fixture.namespace, name });
  expect(ledger).toMatchObject({ spec: { cap: '12.5', budget: { namespace, name: 'main' } } });

  const calls = await world.pod(namespace);
  const told = await calls.budget();
  expect(told).toMatchObject({
    state: 'ready',
    namespace,
    budget: 'main',
    apiUrl: `${emulator.url}/v2`,
    ledger: { uid: ledger?.metadata.uid, name },
    priceVersion: expect.stringMatching(/^default@1\/[0-9a-f]{8}$/),
    factors: [
      { from: '2024-12-19', factor: '2.24038' },
      { from: '2025-10-22', factor: '1.90385' },
    ],
  });
  const models = told.state === 'ready' ? told.models : [];
  const gpt4o = models.find(({ model, version }) => model === 'gpt-4o' && version === '2024-05-13');
  expect(gpt4o?.rates).toEqual([{ input: '0.00312', output: '0.0092' }]);
  expect(told.state === 'ready' && told.deployments.length).toBeGreaterThan(5);
});

test('a sidecar that opened its lease is given a token that SAP accepts', async () => {
  const { namespace, emulator } = await world.readyBudget();
  const calls = await world.pod(namespace);
  const ledgerUid = await ledgerOf(calls);
  const { incarnation } = await takeLease(calls, { ledgerUid, amount: nanoPerCu });
  const { status, body } = await calls.token({ ledgerUid, incarnation });
  expect(status).toBe(200);
  const { accessToken } = z.object({ accessToken: z.string() }).parse(body);
  const answer = await fetch(`${emulator.url}/v2/lm/deployments`, {
    headers: { authorization: `Bearer ${accessToken}`, 'ai-resource-group': 'default' },
  });
  expect(answer.status).toBe(200);
});

const wrongSecret = 'wrong-secret-7f3a';

test.each<{ name: string; reason: string; says: RegExp; data: (key: ServiceKey) => Record<string, string> }>([
  {
    name: 'no JSON',
    reason: 'ServiceKeyMalformed',
    says: /no entry of the Secret holds a service key as JSON/,
    data: () => ({ key: `not json ${wrongSecret}` }),
  },
  {
    name: 'a key without its secret',
    reason: 'ServiceKeyIncomplete',
    says: /has no clientsecret/,
    data: ({ clientsecret: _left, ...key }) => ({ key: JSON.stringify(key) }),
  },
  {
    name: 'a key whose client id is a number',
    reason: 'ServiceKeyMalformed',
    says: /clientid has the wrong form/,
    data: (key) => ({ key: JSON.stringify({ ...key, clientid: 12 }) }),
  },
  {
    name: 'a key that names a host inside the cluster',
    reason: 'UrlNotAllowed',
    says: /serviceurls\.AI_API_URL names the host secrets\.kube-system\.svc/,
    data: (key) => ({
      key: JSON.stringify({ ...key, serviceurls: { AI_API_URL: 'https://secrets.kube-system.svc' } }),
    }),
  },
  {
    name: 'an X.509 key',
    reason: 'CertificateKeyUnsupported',
    says: /credential-type binding-secret/,
    data: ({ clientsecret: _left, ...key }) => ({ key: JSON.stringify({ ...key, certificate: 'PEM' }) }),
  },
  {
    name: 'a secret that SAP does not accept',
    reason: 'CredentialsInvalid',
    says: /create a new service key/,
    data: (key) => ({ key: JSON.stringify({ ...key, clientsecret: wrongSecret }) }),
  },
  {
    name: 'a token URL where nobody listens',
    reason: 'TokenEndpointUnavailable',
    says: /gives no answer.*stored nowhere/,
    data: (key) => ({ key: JSON.stringify({ ...key, url: 'http://127.0.0.1:9' }) }),
  },
])('a Secret with $name is told as $reason, and put right it works', async ({ reason, says, data }) => {
  const emulator = await world.emulate();
  const namespace = await fixture.createNamespace();
  const key = keyOf(emulator);
  await fixture.putSecret(namespace, data(key));
  await fixture.putBudget(namespace, spec);
  const condition = await fixture.condition(namespace, { type: 'CredentialsValid', status: 'False', reason });
  expect(condition.message).toMatch(says);
  expect(condition.message).not.toContain(wrongSecret);
  await fixture.condition(namespace, { type: 'Ready', status: 'False', reason });
  expect(await (await world.pod(namespace)).budget()).toMatchObject({ state: 'unavailable', reason });

  await fixture.putSecret(namespace, { key: JSON.stringify(key) });
  await fixture.condition(namespace, ready);
});

test('a missing Secret, and a missing entry of it, are told, and both can be added later', async () => {
  const emulator = await world.emulate();
  const namespace = await fixture.createNamespace();
  const serviceKeySecretRef = { name: 'aicore-key', key: 'sk' };
  await fixture.putBudget(namespace, { ...spec, aiCore: { serviceKeySecretRef } });
  const missing = { type: 'CredentialsValid', status: 'False', reason: 'SecretNotFound' } as const;
  expect((await fixture.condition(namespace, missing)).message).toMatch(/There is no Secret "aicore-key"/);
  const key = JSON.stringify(keyOf(emulator));
  await fixture.putSecret(namespace, { other: key });
  await fixture.condition(namespace, { type: 'CredentialsValid', status: 'False', reason: 'KeyNotFound' });
  await fixture.putSecret(namespace, { other: key, sk: key });
  await fixture.condition(namespace, ready);
});

test('the layout of the SAP BTP operator is read', async () => {
  const emulator = await world.emulate();
  const namespace = await fixture.createNamespace();
  const { serviceurls, ...flat } = keyOf(emulator);
  const properties = [
    ...Object.keys(flat).map((name) => ({ name, format: 'text' })),
    { name: 'serviceurls', format: 'json' },
  ];
  await fixture.putSecret(namespace, {
    ...flat,
    serviceurls: JSON.stringify(serviceurls),
    instance_guid: randomUUID(),
    tags: '["aicore"]',
    '.metadata': JSON.stringify({ metaDataProperties: [], credentialProperties: properties }),
  });
  await fixture.putBudget(namespace, spec);
  const { status } = await fixture.condition(namespace, ready);
  expect(status).toBe('True');
});

test.each([
  { fault: 'http-500', route: 'deployments', reason: 'AiCoreUnavailable', says: /HTTP 500.*stored nowhere/ },
  {
    fault: 'reset',
    route: 'resource-groups',
    reason: 'AiCoreUnavailable',
    says: /gives no answer.*stored nowhere/,
  },
  { fault: 'throttled', route: 'models', reason: 'AiCoreUnavailable', says: /HTTP 429/ },
  { fault: 'html-page', route: 'models', reason: 'AiCoreAnswerInvalid', says: /is an HTML page/ },
  { fault: 'truncated-json', route: 'deployments', reason: 'AiCoreAnswerInvalid', says: /cut off/ },
  {
    fault: 'http-403',
    route: 'resource-groups',
    reason: 'AccessDenied',
    says: /HTTP 403(?!.*stored nowhere)/,
  },
] as const)(
  'AI Core that answers $route with $fault is told as $reason',
  async ({ fault, route, reason, says }) => {
    const emulator = await world.emulate({
      config: { faults: [{ fault, match: { route }, retryAfterSeconds: 1 }] },
    });
    const namespace = await fixture.createNamespace();
    await fixture.putSecret(namespace, { key: JSON.stringify(keyOf(emulator)) });
    await fixture.putBudget(namespace, spec);
    const condition = await fixture.condition(namespace, {
      type: 'AiCoreReachable',
      status: 'False',
      reason,
    });
    expect(condition.message).toMatch(says);
    await fixture.condition(namespace, {
      type: 'CredentialsValid',
      status: 'True',
      reason: 'CredentialsValid',
    });
    await fixture.condition(namespace, {
      type: 'GenAiHubAvailable',
      status: 'Unknown',
      reason: 'NotObserved',
    });
  },
);

test('a resource group that does not exist is told with those that do', async () => {
  const { namespace } = await world.readyBudget();
  await fixture.putBudget(namespace, {
    ...spec,
    aiCore: { serviceKeySecretRef: { name: 'aicore-key' }, resourceGroups: ['default', 'nowhere'] },
  });
  const condition = await fixture.condition(namespace, {
    type: 'AiCoreReachable',
    status: 'False',
    reason: 'ResourceGroupNotFound',
  });
  expect(condition.message).toMatch(/no resource group nowhere .* default/);
  expect(await (await world.pod(namespace)).budget()).toMatchObject({ reason: 'ResourceGroupNotFound' });
});

test('AI Core without a running deployment is told', async () => {
  const [tenant] = standardTenants;
  if (!tenant) throw new Error('the emulator has a standard tenant');
  const emulator = await world.emulate({ config: { tenants: [{ ...tenant, deployments: [] }] } });
  const namespace = await fixture.createNamespace();
  await fixture.putSecret(namespace, { key: JSON.stringify(keyOf(emulator)) });
  await fixture.putBudget(namespace, spec);
  const wanted = { type: 'GenAiHubAvailable', status: 'False', reason: 'NoDeployments' } as const;
  expect((await fixture.condition(namespace, wanted)).message).toMatch(/resource group default: create one/);
});

test('models without a rate are named, and the budget stays ready', async () => {
  const { namespace } = await world.readyBudget();
  const { message } = await fixture.condition(namespace, {
    type: 'RateCardCurrent',
    status: 'False',
    reason: 'ModelsWithoutRate',
  });
  expect(message).toMatch(/^Refused, because no rate is known: gpt-5\.4-nano \(2026-03-17\)\./);
  const { models } = (await fixture.budget(namespace))?.status ?? {};
  expect(models).toEqual({ available: (models?.priced ?? 0) + 1, priced: models?.priced });
});
