import { describe, expect, onTestFinished, test } from 'vitest';
import { Agent } from 'undici';
import { startEmulator } from '../../test/sap-emulator/emulator.ts';
import type { EmulatorOptions } from '../../test/sap-emulator/emulator.ts';
import { ask, connect } from '../../test/sap-emulator/test-client.ts';
import { systemClock } from '../kube/clock.ts';
import { TokenBroker } from '../sap/token-broker.ts';
import { consumptionOf, phaseOf } from './consumption.ts';
import type { FinalMonths } from './consumption.ts';
import { addDays, daysOfMonth, monthsBetween } from './days.ts';
import { syncedObservation } from './observe-usage.ts';
import { UsageApi } from './usage-api.ts';
import { parseApiKey } from './usage-keys.ts';

async function launch(config: EmulatorOptions['config'] = {}) {
  let nowMs = Date.parse('2026-01-20T12:00:00Z');
  const emulator = await startEmulator({
    config: { tokenLifetimeSeconds: 86_400, ...config },
    now: () => nowMs,
  });
  const dispatcher = new Agent();
  onTestFinished(async () => {
    await dispatcher.close();
    await emulator.close();
  });
  const key = parseApiKey('usage', { key: JSON.stringify(emulator.usageKey()) }, { allowedHosts: [] });
  const client = async () => {
    const broker = new TokenBroker({ dispatcher, clock: systemClock });
    return new UsageApi({ key, broker, dispatcher });
  };
  return {
    emulator,
    subaccountId: emulator.serviceKey().identityzoneid,
    api: client,
    /** One call on that day, which is then closed. */
    spendOn: async (day: string) => {
      nowMs = Date.parse(`${day}T12:00:00Z`);
      await (await (await connect(emulator)).chat(ask('hello [[out=100]]'))).text();
      emulator.closeDay(day);
    },
  };
}

describe('consumption of a phase', () => {
  test('is what its days and months were billed, and nothing from before', async () => {
    const { emulator, subaccountId, api, spendOn } = await launch();
    for (const day of ['2026-01-10', '2026-01-20', '2026-02-01', '2026-03-31']) await spendOn(day);
    const asked = async (from: string) =>
      consumptionOf({
        api: await api(),
        subaccountId,
        span: { from, to: '2026-03-31' },
        today: '2026-03-31',
        finalMonths: new Map(),
        known: [],
        signal: AbortSignal.timeout(30_000),
      });
    const one = await asked('2026-03-01');
    expect(one).toBeGreaterThan(0n);
    expect(await asked('2026-01-15')).toBe(3n * one);
    // The two calls of January are one sum, rounded once.
    expect(Math.abs(Number((await asked('2026-01-01')) - 4n * one))).toBeLessThanOrEqual(1);
    expect(emulator.captured.counts()).toMatchObject({ 'usage-daily': 1 });
  });

  test('counts a month whole that the phase begins in where days are refused', async () => {
    const { subaccountId, api, spendOn } = await launch({ usageData: { dailyForbidden: true } });
    for (const day of ['2026-01-10', '2026-01-20']) await spendOn(day);
    const to = '2026-01-31';
    const shared = { api: await api(), subaccountId, today: to, known: [] };
    const signal = AbortSignal.timeout(30_000);
    const cut = await consumptionOf({
      ...shared,
      span: { from: '2026-01-15', to },
      finalMonths: new Map(),
      signal,
    });
    const whole = await consumptionOf({
      ...shared,
      span: { from: '2026-01-01', to },
      finalMonths: new Map(),
      signal,
    });
    expect(cut).toBe(whole);
  });

  test('asks for a month again until it is final, and then no more', async () => {
    const { emulator, subaccountId, api, spendOn } = await launch();
    await spendOn('2026-01-10');
    await spendOn('2026-02-20');
    const finalMonths: FinalMonths = new Map();
    const shared = { api: await api(), subaccountId, finalMonths, known: [] };
    const options = { ...shared, span: { from: '2026-01-01', to: '2026-03-20' }, today: '2026-03-20' };
    const signal = AbortSignal.timeout(30_000);
    const first = await consumptionOf({ ...options, signal });
    expect(await consumptionOf({ ...options, signal })).toBe(first);
    // January once; February and March are not final in March.
    expect(emulator.captured.counts()['usage-monthly']).toBe(5);
  });
});

test.each([
  {
    name: 'of several the one that today is in',
    today: '2026-06-30',
    want: ['2026-01-01', '2026-06-30', '1'],
  },
  {
    name: 'that follows, from its first day on',
    today: '2026-07-01',
    want: ['2026-07-01', '2026-07-01', '2'],
  },
  { name: 'of none is this month', today: '2027-08-09', want: ['2027-08-01', '2027-08-09', undefined] },
])('the phase $name', ({ today, want }) => {
  const purchased = [
    { capacityUnits: '1', from: '2026-01-01', until: '2026-07-01' },
    { capacityUnits: '2', from: '2026-07-01', until: '2027-01-01' },
  ];
  const { from, to, purchased: units } = phaseOf({ purchased }, today);
  expect([from, to, units]).toEqual(want);
});

test.each([
  { name: 'nothing metered, nothing billed', through: undefined, metered: [], reason: 'UsageSynced' },
  {
    name: 'metered yesterday, SAP is not due yet',
    through: undefined,
    metered: ['2026-11-22'],
    reason: 'UsageSynced',
  },
  {
    name: 'metered for days, SAP knows nothing',
    through: undefined,
    metered: ['2026-11-20'],
    reason: 'UsageMissing',
  },
  {
    name: 'metered after what SAP reported',
    through: '2026-11-18',
    metered: ['2026-11-20'],
    reason: 'UsageStale',
  },
  {
    name: 'metered every day, SAP is late',
    through: '2026-11-18',
    metered: ['2026-11-17', '2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23'],
    reason: 'UsageStale',
  },
  {
    name: 'metered every day, SAP is in time',
    through: '2026-11-22',
    metered: ['2026-11-17', '2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23'],
    reason: 'UsageSynced',
  },
])('data is judged by its age: $name', ({ through, metered, reason }) => {
  const refreshed = { source: 'Daily' as const, through, meteredDays: metered };
  const found = syncedObservation({ refreshed, subaccountId: 'sub-1', today: '2026-11-23' });
  expect(found).toMatchObject({ reason, status: reason === 'UsageSynced' ? 'True' : 'False' });
});

test('months and days are those of the calendar', () => {
  expect(addDays('2026-02-28', 1)).toBe('2026-03-01');
  expect(daysOfMonth('2028-02')).toEqual({ from: '2028-02-01', to: '2028-02-29' });
  expect(monthsBetween({ from: '2026-11-15', to: '2027-01-01' })).toEqual(['2026-11', '2026-12', '2027-01']);
});
