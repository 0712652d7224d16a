import { afterAll, beforeAll, expect, test } from 'vitest';
import { nanoPerCu } from '../../accounting/amount.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { ledgerResource } from '../ledger/ledger-store.ts';
import { events, pods, secrets } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { keyOf, ledgerOf, plainSpec, ready, startBudgetWorld } from '../testing/budget-world.ts';
import type { BudgetWorld } from '../testing/budget-world.ts';
import type { OperatorFixture } from '../testing/operator-fixture.ts';
import { takeLease } from '../testing/sidecar-calls.ts';
import { budgets, rateCards } from './resources.ts';

let world: BudgetWorld;
let fixture: OperatorFixture;

beforeAll(async () => {
  world = await startBudgetWorld();
  ({ fixture } = world);
});
afterAll(() => world?.stop());

async function statusWith(
  namespace: string,
  figures: Record<string, unknown>,
  { of = fixture, name = 'main' }: { of?: OperatorFixture; name?: string } = {},
): Promise<Record<string, unknown>> {
  let last: Record<string, unknown> = {};
  return eventually(
    async () => {
      last = { ...(await of.budget(namespace, name))?.status };
      return Object.entries(figures).every(([member, value]) => last[member] === value) ? last : undefined;
    },
    { what: `a status with ${JSON.stringify(figures)}`, timeoutMs: 20_000, intervalMs: 100 },
  ).catch((cause: unknown) => {
    throw new Error(`no ${JSON.stringify(figures)} in ${JSON.stringify(last)}`, { cause });
  });
}

test('a time zone that does not exist is told, and the ledger waits for a right one', async () => {
  const emulator = await world.emulate();
  const namespace = await fixture.createNamespace();
  await fixture.putSecret(namespace, { key: JSON.stringify(keyOf(emulator)) });
  await fixture.putBudget(namespace, { ...plainSpec, period: { timeZone: 'Mars/Olympus_Mons' } });
  const wanted = { type: 'Enforcing', status: 'False', reason: 'TimeZoneUnknown' } as const;
  expect((await fixture.condition(namespace, wanted)).message).toMatch(/IANA name such as Europe\/Berlin/);
  await fixture.putBudget(namespace, { ...plainSpec, period: { timeZone: 'Europe/Berlin' } });
  await fixture.condition(namespace, ready);
});

test('a rate card that does not exist is told; once created, its rates fill what AI Core leaves out', async () => {
  const emulator = await world.emulate();
  const namespace = await fixture.createNamespace();
  await fixture.putSecret(namespace, { key: JSON.stringify(keyOf(emulator)) });
  await fixture.putBudget(namespace, { ...plainSpec, rateCardRef: { name: 'own' } });
  await fixture.condition(namespace, {
    type: 'RateCardCurrent',
    status: 'False',
    reason: 'RateCardNotFound',
  });
  await fixture.kube.apply(rateCards, {
    metadata: { name: 'own' },
    spec: {
      factors: [{ from: '2025-01-01', capacityUnitsPerGenAiToken: '2', source: 'contract' }],
      models: [
        { model: 'gpt-5.4-nano', from: '2025-01-01', genAiTokensPer1000: { input: '0.5', output: '1' } },
      ],
    },
  });
  await fixture.condition(namespace, { type: 'RateCardCurrent', status: 'True', reason: 'RateCardCurrent' });
  const told = await (await world.pod(namespace)).budget();
  const models = told.state === 'ready' ? told.models : [];
  expect(models.find(({ model }) => model === 'gpt-5.4-nano')?.rates).toEqual([
    { input: '0.5', output: '1' },
  ]);
  expect(told).toMatchObject({ factors: [{ from: '2025-01-01', factor: '2' }] });
});

test('a rate card without a factor for today is told on the card and on its budgets', async () => {
  const spec = { factors: [{ from: '2999-01-01', capacityUnitsPerGenAiToken: '2', source: 'contract' }] };
  await fixture.kube.apply(rateCards, { metadata: { name: 'future' }, spec });
  const { namespace } = await world.readyBudget();
  await fixture.putBudget(namespace, { ...plainSpec, rateCardRef: { name: 'future' } });
  await fixture.condition(namespace, { type: 'Ready', status: 'False', reason: 'FactorMissing' });
  const card = await fixture.kube.get<KubeObject>(rateCards, { name: 'future' });
  expect(card).toMatchObject({
    status: { conditions: [{ type: 'Ready', status: 'False', reason: 'FactorMissing' }] },
  });
});

test('what pods hold is in the status; a limit lowered below it is overcommitted, raised again it is not', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const pod = await world.pod(namespace);
  await takeLease(pod, { ledgerUid: await ledgerOf(pod), amount: 40n * nanoPerCu });
  await statusWith(namespace, { limit: '100', reserved: '40', remaining: '60', used: '0%' });

  await fixture.putBudget(namespace, { ...plainSpec, monthlyLimit: '30' });
  await fixture.condition(namespace, { type: 'Overcommitted', status: 'True', reason: 'Overcommitted' });
  await fixture.condition(namespace, { type: 'Exhausted', status: 'True', reason: 'BudgetExhausted' });
  await statusWith(namespace, { limit: '30', reserved: '40', remaining: '-10' });

  await fixture.putBudget(namespace, { ...plainSpec, monthlyLimit: '50.5' });
  await fixture.condition(namespace, { type: 'Overcommitted', status: 'False', reason: 'WithinCap' });
  await fixture.condition(namespace, { type: 'Exhausted', status: 'False', reason: 'CapacityLeft' });
  const status = await statusWith(namespace, { limit: '50.5', remaining: '10.5' });
  expect(status).toMatchObject({ reserved: '40', spent: '0', overrun: '0' });
});

test('a budget in Shadow leases beyond its limit and stays ready; enforced, it leases no more', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '10', enforcement: 'Shadow' });
  await fixture.condition(namespace, { type: 'Enforcing', status: 'False', reason: 'Shadow' });
  const pod = await world.pod(namespace);
  await takeLease(pod, { ledgerUid: await ledgerOf(pod), amount: 40n * nanoPerCu });
  await statusWith(namespace, { limit: '10', reserved: '40', remaining: '-30' });
  await fixture.condition(namespace, { type: 'Overcommitted', status: 'True', reason: 'Shadow' });
  await fixture.putBudget(namespace, { ...plainSpec, monthlyLimit: '10' });
  await fixture.condition(namespace, { type: 'Overcommitted', status: 'True', reason: 'Overcommitted' });
  const other = await world.pod(namespace);
  const refused = takeLease(other, { ledgerUid: await ledgerOf(other), amount: 1n });
  await expect(refused).rejects.toThrow('not granted');
});

test('a raise counts until it ends, and ends by itself', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const until = new Date(Date.now() + 4000).toISOString();
  const raises = [{ capacityUnits: '25', until, reason: 'launch', author: 'ada' }];
  await fixture.putBudget(namespace, { ...plainSpec, monthlyLimit: '100', raises });
  expect(await statusWith(namespace, { limit: '125' })).toMatchObject({ remaining: '125' });
  expect(await statusWith(namespace, { limit: '100' })).toMatchObject({ remaining: '100' });
});

test('a release that cannot be done is told with what there is', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const pod = await world.pod(namespace);
  await takeLease(pod, { ledgerUid: await ledgerOf(pod), amount: 40n * nanoPerCu });
  const [holder] = (await fixture.kube.list<KubeObject>(pods, { namespace })).items;
  const annotations = {
    'sapai.eerly.ai/release': `pod:${holder?.metadata.uid}@1 held=40 spent=0`,
    'sapai.eerly.ai/approved-by': 'ada',
  };
  await fixture.kube.apply(budgets, { metadata: { namespace, name: 'main', annotations }, spec: plainSpec });
  const note = await eventually(
    async () => {
      const { items } = await fixture.kube.list<KubeObject & { reason?: string; note?: string }>(events, {
        namespace,
      });
      return items.find(({ reason }) => reason === 'ReleaseRefused')?.note;
    },
    { what: 'the event', timeoutMs: 20_000, intervalMs: 100 },
  );
  expect(note).toMatch(/^Nothing is released: pod:.* reports, and settles by itself what it knows\.$/);
});

test('a limit that is lowered while SAP is away holds all the same', async () => {
  const { namespace, emulator } = await world.readyBudget();
  await emulator.close();
  await fixture.condition(namespace, {
    type: 'AiCoreReachable',
    status: 'False',
    reason: 'AiCoreUnavailable',
  });
  await fixture.putBudget(namespace, { ...plainSpec, monthlyLimit: '7' });
  expect(await statusWith(namespace, { limit: '7', remaining: '7' })).toMatchObject({ used: '0%' });
});

test('while AI Core is away sidecars go on with what is known, and all is well when it is back', async () => {
  const { namespace, emulator } = await world.readyBudget();
  const pod = await world.pod(namespace);
  const before = await pod.configuration();
  const port = Number(new URL(emulator.url).port);
  await emulator.close();
  await fixture.condition(namespace, {
    type: 'AiCoreReachable',
    status: 'False',
    reason: 'AiCoreUnavailable',
  });
  expect(await pod.configuration()).toEqual(before);
  await world.emulate({ port });
  await fixture.condition(namespace, ready);
});

test('a key that SAP no longer accepts ends the budget, and a rotated one is used at once', async () => {
  const { namespace, emulator, key } = await world.readyBudget();
  const pod = await world.pod(namespace);
  const { etag } = await pod.configuration();
  const news = pod.configuration({ seen: etag, waitSeconds: 30 });
  await fixture.putSecret(namespace, { key: JSON.stringify({ ...key, clientsecret: 'revoked' }) });
  await fixture.condition(namespace, { type: 'Ready', status: 'False', reason: 'CredentialsInvalid' });
  expect((await news).budgets).toMatchObject([{ state: 'unavailable', reason: 'CredentialsInvalid' }]);
  await fixture.putSecret(namespace, {
    key: JSON.stringify({ ...emulator.serviceKey(), identityzoneid: key.identityzoneid }),
  });
  await fixture.condition(namespace, ready);
});

test('of two budgets with one subscription the younger is refused until the older is gone', async () => {
  const { namespace, key } = await world.readyBudget();
  const created = (await fixture.budget(namespace))?.metadata.creationTimestamp ?? '';
  await eventually(async () => (Date.now() >= Date.parse(created) + 1_000 ? true : undefined), {
    what: 'the second in which the first budget was made to be over: the API tells no more of its age',
    timeoutMs: 5_000,
  });
  const other = await fixture.createNamespace();
  await fixture.putSecret(other, { key: JSON.stringify(key) });
  await fixture.putBudget(other, plainSpec);
  const wanted = { type: 'CredentialsValid', status: 'False', reason: 'SubscriptionShared' } as const;
  expect((await fixture.condition(other, wanted)).message).toContain(
    `budget ${namespace}/main spends from, and that one comes first`,
  );
  await fixture.condition(namespace, ready);
  await fixture.kube.delete(budgets, { namespace, name: 'main' });
  await fixture.condition(other, ready);
});

test('a budget that is deleted and made again goes on with its ledger', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const pod = await world.pod(namespace);
  await takeLease(pod, { ledgerUid: await ledgerOf(pod), amount: 40n * nanoPerCu });
  await statusWith(namespace, { reserved: '40' });
  await fixture.kube.delete(budgets, { namespace, name: 'main' });
  await eventually(async () => ((await pod.budget()).state === 'unavailable' ? true : undefined), {
    what: 'the budget to be gone for its sidecars',
    timeoutMs: 10_000,
  });
  expect(await pod.budget()).toMatchObject({ reason: 'BudgetNotFound' });
  await fixture.putBudget(namespace, { ...plainSpec, monthlyLimit: '100' });
  await statusWith(namespace, { reserved: '40', remaining: '60' });
});

test('a ledger edited by hand stops grants and says so', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const pod = await world.pod(namespace);
  await takeLease(pod, { ledgerUid: await ledgerOf(pod), amount: 40n * nanoPerCu });
  const { ledgerName: name } = await statusWith(namespace, { reserved: '40' });
  const address = { namespace: fixture.namespace, name: String(name) };
  await fixture.kube.mergePatch(ledgerResource, { spec: { outstanding: '1' } }, address);
  // Only a write finds it out: nobody watches ledgers.
  await fixture.putBudget(namespace, { ...plainSpec, monthlyLimit: '101' });
  const wanted = { type: 'Enforcing', status: 'False', reason: 'LedgerLost' } as const;
  expect((await fixture.condition(namespace, wanted)).message).toMatch(/rows add up to 40 CU/);
  await fixture.kube.mergePatch(ledgerResource, { spec: { outstanding: '40' } }, address);
  await fixture.condition(namespace, ready);
});

test('changes are events of the budget, each reason that of its condition', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '0' });
  const reasons = await eventually(
    async () => {
      const { items } = await fixture.kube.list<KubeObject & { reason: string }>(events, { namespace });
      return items.length >= 2 ? items.map(({ reason }) => reason).toSorted() : undefined;
    },
    { what: 'the events', timeoutMs: 10_000 },
  );
  expect(reasons).toContain('BudgetExhausted');
  expect(reasons).toContain('Ready');
});

test('many reports in a moment are few writes of the status', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const pod = await world.pod(namespace);
  const ledgerUid = await ledgerOf(pod);
  const versions = new Set<string | undefined>();
  const startedMs = Date.now();
  for (let taken = 0; taken < 20; taken += 1) {
    await takeLease(await world.pod(namespace), { ledgerUid, amount: nanoPerCu });
    versions.add((await fixture.budget(namespace))?.metadata.resourceVersion);
  }
  await statusWith(namespace, { reserved: '20', remaining: '80' });
  versions.add((await fixture.budget(namespace))?.metadata.resourceVersion);
  // The first one is there before; one a second, and one that was due.
  expect(versions.size).toBeLessThanOrEqual(3 + Math.ceil((Date.now() - startedMs) / 1000));
});

test('another operator goes on where the first one stopped', async () => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const pod = await world.pod(namespace);
  const ledgerUid = await ledgerOf(pod);
  await takeLease(pod, { ledgerUid, amount: 40n * nanoPerCu });
  await statusWith(namespace, { reserved: '40' });
  await world.restartOperator();
  ({ fixture } = world);
  const again = await world.pod(namespace);
  await eventually(async () => ((await again.budget()).state === 'ready' ? true : undefined), {
    what: 'the budget to be ready again',
    timeoutMs: 20_000,
  });
  expect(await ledgerOf(again)).toBe(ledgerUid);
  await statusWith(namespace, { reserved: '40', remaining: '60' });
});

test('the client secret is in no log line, status, event or ledger', async () => {
  const { namespace, key } = await world.readyBudget();
  await fixture.putSecret(namespace, { key: JSON.stringify({ ...key, clientid: 'nobody' }) });
  await fixture.condition(namespace, { type: 'Ready', status: 'False', reason: 'CredentialsInvalid' });
  const stored = await Promise.all([
    fixture.kube.list(budgets),
    fixture.kube.list(events),
    fixture.kube.list(ledgerResource),
  ]);
  const places = [...fixture.logged, JSON.stringify(stored)].join('\n');
  const forms = [
    key.clientsecret,
    encodeURIComponent(key.clientsecret),
    Buffer.from(key.clientsecret).toString('base64'),
  ];
  expect(forms.filter((form) => places.includes(form))).toEqual([]);
  // What the search would find: the Secret itself has it.
  const secret = await fixture.kube.get(secrets, { namespace, name: 'aicore-key' });
  const document = Buffer.from(JSON.stringify({ ...key, clientid: 'nobody' })).toString('base64');
  expect(JSON.stringify(secret)).toContain(document);
});
