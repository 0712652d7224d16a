import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../test/sap-emulator/emulator.ts';
import { plainSpec, ready, startBudgetWorld } from '../testing/budget-world.ts';
import type { BudgetWorld } from '../testing/budget-world.ts';
import { bypass, pollNow, stageUsage, statement, subscription } from './testing/stage-usage.ts';

const synced = { type: 'UsageSynced', status: 'True', reason: 'UsageSynced' } as const;

let world: BudgetWorld;
beforeAll(async () => {
  world = await startBudgetWorld();
});
afterAll(() => world?.stop());

const usageFaults = [
  {
    name: 'an HTML error page',
    rule: { fault: 'html-page' as const, match: { route: 'usage-daily' } },
    reason: 'UsageAnswerInvalid',
    says: /is an HTML page; is target_url of the service key right/,
  },
  {
    name: 'truncated JSON',
    rule: { fault: 'truncated-json' as const, match: { route: 'usage-daily' } },
    reason: 'UsageAnswerInvalid',
    says: /JSON that is cut off/,
  },
  {
    name: 'HTTP 429 as a page',
    rule: { fault: 'throttled' as const, match: { route: 'usage-daily' } },
    reason: 'UsageUnavailable',
    says: /HTTP 429, and the answer is an HTML page; it is tried again/,
  },
  {
    name: 'a refusal of months, too',
    rule: { fault: 'http-403' as const, match: { route: 'usage-monthly' } },
    reason: 'UsageForbidden',
    says: /plan reporting-ga-admin/,
  },
  {
    name: 'a month without rows where there were some',
    rule: { fault: 'empty-month' as const, match: {} },
    reason: 'UsageEmpty',
    says: /the figures stay as they were/,
  },
];

describe('usage that cannot be read', () => {
  test.each(usageFaults)(
    'because of $name is told as $reason, the last figures stay',
    async ({ rule, reason, says }) => {
      const { namespace, emulator } = await stageUsage(world);
      const billed = await bypass(emulator);
      emulator.closeDay();
      await pollNow(world, namespace);
      await subscription(world, namespace, { consumed: billed });
      emulator.addFault(rule);
      await pollNow(world, namespace);
      const condition = await world.fixture.condition(namespace, {
        type: 'UsageSynced',
        status: 'False',
        reason,
      });
      expect(condition.message).toMatch(says);
      await subscription(world, namespace, { consumed: billed });
      await world.fixture.condition(namespace, ready);
      expect((await statement(world, namespace)).status.totals?.billed).toBe(billed);
      emulator.reset();
    },
  );

  test.each<{ name: string; reason: string; says: RegExp; key: (emulator: Emulator) => unknown }>([
    {
      name: 'a key of AI Core',
      reason: 'ServiceKeyIncomplete',
      says: /has no target_url: store the whole key of Usage Data Management/,
      key: (emulator) => emulator.serviceKey(),
    },
    {
      name: 'a secret that SAP does not accept',
      reason: 'CredentialsInvalid',
      says: /create a new service key/,
      key: (emulator) => ({ ...emulator.usageKey(), clientsecret: 'wrong-7f3a' }),
    },
    {
      name: 'an address inside the cluster',
      reason: 'UrlNotAllowed',
      says: /target_url names the host kubernetes\.default\.svc/,
      key: (emulator) => ({ ...emulator.usageKey(), target_url: 'https://kubernetes.default.svc' }),
    },
    {
      name: "AI Core's client for usage data",
      reason: 'UsageForbidden',
      says: /HTTP 401/,
      key: (emulator) => ({ ...emulator.serviceKey(), target_url: emulator.url }),
    },
  ])('with $name is told as $reason, and put right it works', async ({ reason, says, key }) => {
    const { namespace, emulator } = await stageUsage(world, { secrets: (of) => ({ 'usage-key': key(of) }) });
    const condition = await world.fixture.condition(namespace, {
      type: 'UsageSynced',
      status: 'False',
      reason,
    });
    expect(condition.message).toMatch(says);
    expect(condition.message).not.toContain('wrong-7f3a');
    await world.fixture.putSecret(namespace, { key: JSON.stringify(emulator.usageKey()) }, 'usage-key');
    await world.fixture.condition(namespace, synced);
  });

  test('because its client may have no token of its own says so, and the budget stays ready', async () => {
    const { namespace } = await stageUsage(world, { secrets: withoutGrant });
    const wanted = { type: 'UsageSynced', status: 'False', reason: 'CredentialsInvalid' } as const;
    const { message } = await world.fixture.condition(namespace, wanted);
    expect(message).toMatch(/no token by client credentials .* store a service key of the plan/);
    await world.fixture.condition(namespace, ready);
  });

  test('because there is no Secret says which to create, and works once it is there', async () => {
    const { namespace, emulator, subaccountId } = await stageUsage(world, {
      spec: { usage: undefined, purchased: undefined },
    });
    await world.fixture.putBudget(namespace, {
      ...plainSpec,
      usage: { serviceKeySecretRef: { name: 'later' }, subaccountId },
    });
    const condition = await world.fixture.condition(namespace, {
      type: 'UsageSynced',
      status: 'False',
      reason: 'SecretNotFound',
    });
    expect(condition.message).toContain('no Secret "later"');
    await world.fixture.putSecret(namespace, { key: JSON.stringify(emulator.usageKey()) }, 'later');
    await world.fixture.condition(namespace, synced);
    const shown = (await world.fixture.budget(namespace))?.status?.conditions ?? [];
    expect(shown.map(({ type }) => type)).not.toContain('Entitled');
  });
});

/** The right key of a client that SAP gives no token of its own. */
function withoutGrant(emulator: Emulator): { 'usage-key': unknown } {
  const key = emulator.usageKey();
  if (!('clientid' in key)) throw new Error('not the flat layout');
  emulator.addFault({ fault: 'wrong-grant', match: { route: 'token', clientId: key.clientid } });
  return { 'usage-key': key };
}

/** A subaccount with these plans of AI Core. */
const tenant = (emulatorPlans: string[]): EmulatorOptions => ({
  config: {
    tenants: [
      {
        clientId: 'sb-00000000-0000-4000-8000-000000000001!b1001|aicore!b540',
        clientSecret: 'secret',
        identityZone: 'acme-dev',
        identityZoneId: '00000000-0000-4000-8000-0000000000f1',
        serviceInstanceId: '00000000-0000-4000-8000-0000000000e1',
        aiCorePlans: emulatorPlans,
      },
    ],
  },
});

describe('the entitlement', () => {
  test.each([
    {
      plans: ['standard'],
      reason: 'PlanMissing',
      says: /only plan standard: .* free, trial or standard plan/,
    },
    { plans: ['free', 'standard'], reason: 'PlanMissing', says: /only plan free, standard/ },
    { plans: [], reason: 'OfferingMissing', says: /assign the entitlement SAP AI Core, plan extended/ },
  ])('with plans $plans is told as $reason', async ({ plans, reason, says }) => {
    const { namespace } = await stageUsage(world, { emulator: tenant(plans) });
    const condition = await world.fixture.condition(namespace, { type: 'Entitled', status: 'False', reason });
    expect(condition.message).toMatch(says);
  });

  test('is found over several pages, and throttling is told with what happens next', async () => {
    const { namespace, emulator } = await stageUsage(world, {
      emulator: { config: { serviceManagerPage: 1 } },
    });
    await world.fixture.condition(namespace, { type: 'Entitled', status: 'True', reason: 'Entitled' });
    emulator.addFault({
      fault: 'throttled-date',
      match: { route: 'service-plans' },
      retryAfterSeconds: 3600,
    });
    await pollNow(world, namespace);
    const condition = await world.fixture.condition(namespace, {
      type: 'Entitled',
      status: 'False',
      reason: 'ServiceManagerUnavailable',
    });
    expect(condition.message).toContain('HTTP 429; it is tried again');
  });
});
