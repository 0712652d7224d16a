import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatAmount, parseAmount } from '../../accounting/amount.ts';
import { holdMissing } from '../../accounting/ledger-release.ts';
import { newLedger } from '../../accounting/ledger.ts';
import { periodAt } from '../../accounting/period.ts';
import type { Period } from '../../accounting/period.ts';
import type { SapAiStatement } from '../../crds/statement.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { ask, connect } from '../../test/sap-emulator/test-client.ts';
import type { KubeObject } from '../kube/resource.ts';
import { ledgerResource, LedgerStore } from '../ledger/ledger-store.ts';
import type { StoredLedger } from '../ledger/ledger-store.ts';
import { startBudgetWorld } from '../testing/budget-world.ts';
import type { BudgetWorld } from '../testing/budget-world.ts';
import {
  billedBy,
  bypass,
  meter,
  month,
  pollNow,
  stageUsage,
  statement,
  subscription,
  today,
} from './testing/stage-usage.ts';

import { statementName, statementResource } from './statement-store.ts';

const synced = { type: 'UsageSynced', status: 'True', reason: 'UsageSynced' } as const;

let world: BudgetWorld;
beforeAll(async () => {
  world = await startBudgetWorld();
});
afterAll(() => world?.stop());

test('of budgets below a root is in the root’s statement once, and in one of their own', async () => {
  const { namespace, emulator } = await stageUsage(world, { spec: { childNamespaces: { from: 'All' } } });
  const below = await world.fixture.createNamespace();
  const share = { parentRef: { name: 'main', namespace }, monthlyLimit: '50' };
  await world.fixture.putBudget(below, share);
  await world.fixture.condition(below, { type: 'Ready', status: 'True', reason: 'Ready' });
  await meter(world, namespace, '0.0001');
  await meter(world, below, '0.0002');
  const billed = await bypass(emulator);
  emulator.closeDay();
  const told = await eventually(
    async () => {
      await pollNow(world, namespace);
      await subscription(world, namespace, { consumed: billed, dataThrough: today });
      const { status } = await statement(world, namespace);
      return status.totals?.metered === '0.0003' ? status : undefined;
    },
    { what: 'the root to hear of what was spent below', timeoutMs: 30_000, intervalMs: 500 },
  );
  const unattributed = formatAmount(parseAmount(billed) - parseAmount('0.0003'));
  expect(told.totals).toEqual({
    metered: '0.0003',
    meteredByDay: '0.0003',
    billed,
    unattributed,
    held: '0',
    released: '0',
  });
  expect(told.days).toContain(' 200 40 60 0.0003 ');
  const { status, spec } = await statement(world, below);
  expect(spec).toMatchObject({ budget: 'main', period: month });
  expect(status.totals).toEqual({
    metered: '0.0002',
    meteredByDay: '0.0002',
    held: '0',
    released: '0',
  });
  expect(status.days).toContain(' 100 20 30 0.0002 0 0 0');
  expect((await world.fixture.budget(below))?.status?.subscription).toBeUndefined();
});

describe('usage that is billed', () => {
  test('appears beside what was metered once SAP has closed the day, calls past the sidecar included', async () => {
    const { namespace, emulator } = await stageUsage(world);
    await world.fixture.condition(namespace, synced);
    await world.fixture.condition(namespace, { type: 'Entitled', status: 'True', reason: 'Entitled' });
    await subscription(world, namespace, { purchased: '1000', consumed: '0', remaining: '1000' });

    await meter(world, namespace, '0.0001');
    const billed = await bypass(emulator);
    emulator.closeDay();
    await pollNow(world, namespace);
    const remaining = (1_000n * 10n ** 9n - parseAmount(billed)).toString();
    const found = await subscription(world, namespace, { consumed: billed, dataThrough: today });
    expect(parseAmount(found.remaining ?? '')).toBe(BigInt(remaining));
    const stored = await statement(world, namespace);
    const unattributed = parseAmount(billed) - parseAmount('0.0001');
    expect(parseAmount(stored.status.totals?.unattributed ?? '')).toBe(unattributed);
    expect(stored.spec).toMatchObject({ budget: 'main', period: month });
    expect(stored.status).toMatchObject({
      source: 'Daily',
      dataThrough: today,
      closed: false,
      totals: { metered: '0.0001', meteredByDay: '0.0001', billed, held: '0' },
    });
    const { promptTokens, outputTokens } = emulator.books.read().totals;
    expect(stored.status.days?.split('\n')).toEqual([
      'v1 day model version input cacheRead output metered billedInput billedOutput billed',
      `${today} gpt-4o-mini 2024-07-18 100 20 30 0.0001 ${promptTokens} ${outputTokens} ${billed}`,
    ]);
    const message = (await world.fixture.condition(namespace, synced)).message;
    expect(message).toBe(`SAP has reported usage through ${today}.`);
  });

  test('closes the period before: what nobody explained in time counts as spent', async () => {
    // Ten days ago, give or take, so that SAP has had its time.
    const startDay = Math.min(28, new Date(Date.now() - 10 * 86_400_000).getUTCDate());
    const rule = { timeZone: 'Etc/UTC', startDay };
    const { namespace } = await stageUsage(world, { spec: { period: rule } });
    const budget = { namespace, name: 'main' };
    const period = periodAt(periodAt(Date.now(), rule).startMs - 1, rule);
    const ledger = newLedger({ budget, period, cap: parseAmount('10') });
    holdMissing(ledger, parseAmount('1.5'), period.endMs);
    const { kube, namespace: ownNamespace } = world.fixture;
    const store = new LedgerStore({ kube, namespace: ownNamespace });
    await store.create(ledger, { createdFor: 'uid', ...rule });
    await pollNow(world, namespace);
    const name = `main-${period.name}`;
    const closed = await eventually(
      async () => {
        const found = await kube.get<SapAiStatement & KubeObject>(statementResource, { namespace, name });
        return found?.status?.closed ? found.status : undefined;
      },
      { what: 'the statement to be closed', timeoutMs: 30_000 },
    );
    expect(closed.totals).toMatchObject({ metered: '1.5', held: '0' });
    const stored = await store.read(`${namespace}.main.${period.name}`);
    expect(stored?.ledger.totals).toMatchObject({ settled: parseAmount('1.5'), held: 0n });
  });

  test('is brought up to date though the ledger of a former period cannot be read, and that is told', async () => {
    const { namespace, emulator } = await stageUsage(world);
    await world.fixture.condition(namespace, synced);
    const [former, first] = await keepFormerLedgers(namespace);
    const { kube, namespace: ownNamespace } = world.fixture;
    const address = { namespace: ownNamespace, name: former };
    await kube.mergePatch(ledgerResource, { spec: { outstanding: '1' } }, address);
    const billed = await bypass(emulator);
    emulator.closeDay();
    await pollNow(world, namespace);
    await world.fixture.condition(namespace, { ...synced, status: 'False', reason: 'LedgerLost' });
    expect((await statement(world, namespace)).status.totals).toMatchObject({ billed });
    // The period before that one is brought up to date, too.
    expect(await kube.get(statementResource, { namespace, name: first })).toBeDefined();
  });

  test('is read by month where SAP refuses days to the key, and then adds up to the same', async () => {
    const { namespace, emulator } = await stageUsage(world, {
      emulator: { config: { usageData: { dailyForbidden: true } } },
    });
    await bypass(emulator);
    emulator.closeDay();
    await pollNow(world, namespace);
    const first = billedBy(emulator);
    await subscription(world, namespace, { consumed: first });
    const billed = await bypass(emulator);
    emulator.closeDay();
    await pollNow(world, namespace);
    await subscription(world, namespace, { consumed: billed });
    const { status } = await statement(world, namespace);
    expect(status).toMatchObject({ source: 'Monthly', totals: { billed: billed } });
    const condition = await world.fixture.condition(namespace, synced);
    expect(condition.message).toContain('refuses daily figures');
  });

  test('is read with a key whose credentials lie below uaa', async () => {
    const { namespace } = await stageUsage(world, {
      secrets: (emulator) => ({ 'usage-key': emulator.usageKey('nested') }),
    });
    const condition = await world.fixture.condition(namespace, synced);
    expect(condition.message).toContain('SAP has reported no usage of subaccount');
  });

  test('of other subaccounts and services does not count', async () => {
    const { namespace, emulator } = await stageUsage(world, { spec: { purchased: undefined } });
    await (await (await connect(emulator, 1)).chat(ask('of another subaccount'))).text();
    emulator.closeDay();
    await pollNow(world, namespace);
    await subscription(world, namespace, { consumed: '0', dataThrough: today });
    const { status } = await statement(world, namespace);
    expect(status.totals?.billed).toBe('0');
    expect((await world.fixture.budget(namespace))?.status?.subscription).not.toHaveProperty('remaining');
  });

  test('survives a restart of the operator, which asks SAP nothing before it is time', async () => {
    const { namespace, emulator } = await stageUsage(world);
    await bypass(emulator);
    emulator.closeDay();
    await pollNow(world, namespace);
    const billed = billedBy(emulator);
    await subscription(world, namespace, { consumed: billed });
    const asked = (): number => emulator.captured.counts()['usage-monthly'] ?? 0;
    const before = asked();
    await world.restartOperator();
    const lookAt = (): string | undefined =>
      world.fixture.logged.find(
        (line) => line.includes('"controller":"usage"') && line.includes(`"${namespace}/main"`),
      );
    await eventually(() => Promise.resolve(lookAt()), {
      what: 'the new operator has looked at the budget',
      timeoutMs: 30_000,
    });
    await world.fixture.condition(namespace, synced);
    await subscription(world, namespace, { consumed: billed });
    expect(asked()).toBe(before);
    await pollNow(world, namespace);
    await eventually(() => Promise.resolve(asked() > before ? true : undefined), {
      what: 'a poll that was asked for',
      timeoutMs: 30_000,
    });
  });
});

/** Ledgers of the month before and the one before that; resolves to the name of the former, and of the latter's statement. */
async function keepFormerLedgers(namespace: string): Promise<readonly [string, string]> {
  const rule = { timeZone: 'Etc/UTC', startDay: 1 };
  const budget = { namespace, name: 'main' };
  const { kube, namespace: ownNamespace } = world.fixture;
  const store = new LedgerStore({ kube, namespace: ownNamespace });
  const keep = (period: Period): Promise<StoredLedger> =>
    store.create(newLedger({ budget, period, cap: parseAmount('10') }), { createdFor: 'uid', ...rule });
  const former = periodAt(periodAt(Date.now(), rule).startMs - 1, rule);
  const first = periodAt(former.startMs - 1, rule);
  await keep(first);
  return [(await keep(former)).name, statementName(budget, first.name)];
}
