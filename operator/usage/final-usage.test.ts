import { Agent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startEmulator } from '../../test/sap-emulator/emulator.ts';
import type { EmulatorOptions } from '../../test/sap-emulator/emulator.ts';
import { ask, connect } from '../../test/sap-emulator/test-client.ts';
import { systemClock } from '../kube/clock.ts';
import { TokenBroker } from '../sap/token-broker.ts';
import type { BilledUse } from './billed.ts';
import { isWhole, readFinalUsage } from './final-usage.ts';
import { UsageApi } from './usage-api.ts';
import { parseApiKey } from './usage-keys.ts';

const model = { model: 'gpt-4o-mini', version: '2024-07-18' };
const november = {
  name: '2026-11',
  startMs: Date.parse('2026-11-01T00:00:00Z'),
  endMs: Date.parse('2026-12-01T00:00:00Z'),
};
/** Begins and ends in the middle of a month, and of a day. */
const fromTheMiddle = {
  name: '2026-10',
  startMs: Date.parse('2026-10-14T22:00:00Z'),
  endMs: Date.parse('2026-11-14T23:00:00Z'),
};

/** SAP with a call of `[[out=10]]` on each of these days, all of them closed. */
async function launch({
  days,
  config = {},
}: {
  days: readonly string[];
  config?: EmulatorOptions['config'];
}) {
  let nowMs = 0;
  const emulator = await startEmulator({
    config: { tokenLifetimeSeconds: 86_400, ...config },
    now: () => nowMs,
  });
  const dispatcher = new Agent();
  onTestFinished(async () => {
    await dispatcher.close();
    await emulator.close();
  });
  for (const day of days) {
    nowMs = Date.parse(`${day}T12:00:00Z`);
    await (await (await connect(emulator)).chat(ask('hello [[out=10]]'))).text();
    emulator.closeDay(day);
  }
  const key = parseApiKey('usage', { key: JSON.stringify(emulator.usageKey()) }, { allowedHosts: [] });
  const api = new UsageApi({ key, broker: new TokenBroker({ dispatcher, clock: systemClock }), dispatcher });
  const subaccountId = emulator.serviceKey().identityzoneid;
  return {
    emulator,
    read: (period = november) =>
      readFinalUsage({ api, subaccountId, period, known: [model], signal: AbortSignal.timeout(30_000) }),
  };
}

describe('final usage', () => {
  test('is there once the month is billed: by day and model, with the day after the period', async () => {
    const { emulator, read } = await launch({
      days: ['2026-10-31', '2026-11-03', '2026-11-30', '2026-12-01'],
    });
    expect(await read()).toEqual({
      state: 'pending',
      why: 'SAP has not billed 2026-11 yet, it gives only an estimate of what it cost',
    });
    emulator.closeMonth('2026-11');
    const word = await read();
    expect(word).toMatchObject({
      state: 'final',
      billed: [
        { day: '2026-11-03', ...model, output: 10n },
        { day: '2026-11-30', ...model, output: 10n },
        { day: '2026-12-01', ...model, output: 10n },
      ],
    });
  });

  test('of a period that is not SAP’s needs both months, and counts border days whole', async () => {
    const days = ['2026-10-13', '2026-10-14', '2026-11-14', '2026-11-15', '2026-11-16'];
    const { emulator, read } = await launch({ days });
    emulator.closeMonth('2026-10');
    expect(await read(fromTheMiddle)).toMatchObject({
      state: 'pending',
      why: expect.stringMatching(/^SAP has not billed 2026-11 yet/),
    });
    emulator.closeMonth('2026-11');
    const word = await read(fromTheMiddle);
    const found = word.state === 'final' ? word.billed.map(({ day }) => day) : word;
    expect(found).toEqual(['2026-10-14', '2026-11-14', '2026-11-15']);
  });

  test('is waited for where SAP has no cost of a month, or does not answer', async () => {
    const { emulator, read } = await launch({ days: [] });
    expect(await read()).toEqual({
      state: 'pending',
      why: 'SAP has not billed 2026-11 yet, it has no cost of it',
    });
    emulator.addFault({ fault: 'html-page', match: { route: 'usage-cost' } });
    expect(await read()).toMatchObject({
      state: 'pending',
      why: expect.stringMatching(/monthlySubaccountsCost/),
    });
  });

  test('is never there where SAP refuses costs or days to the service key', async () => {
    const { emulator, read } = await launch({
      days: ['2026-11-03'],
      config: { usageData: { dailyForbidden: true } },
    });
    emulator.closeMonth('2026-11');
    expect(await read()).toMatchObject({
      state: 'none',
      why: expect.stringMatching(/subaccountUsage.* answers HTTP 403/),
    });
    emulator.addFault({ fault: 'http-403', match: { route: 'usage-cost' } });
    expect(await read()).toMatchObject({
      state: 'none',
      why: expect.stringMatching(/monthlySubaccountsCost.* answers HTTP 403/),
    });
  });

  test('is not believed where the month has no rows though it was billed', async () => {
    const { emulator, read } = await launch({ days: ['2026-11-03'] });
    emulator.closeMonth('2026-11');
    emulator.addFault({ fault: 'empty-month', match: { route: 'usage-monthly' } });
    expect(await read()).toEqual({
      state: 'pending',
      why: 'the days that SAP has of 2026-11 do not add up to its month',
    });
  });
});

const use = (rest: Partial<BilledUse> = {}): BilledUse => ({
  day: '2026-11-20',
  application: 'gpt-5-1',
  inputTokens: 10n,
  outputTokens: 5n,
  capacityUnits: 100n,
  ...rest,
});

describe('days are whole', () => {
  test.each([
    { name: 'the same', days: [use()], whole: true },
    { name: 'a nano-CU apart by rounding', days: [use({ capacityUnits: 99n })], whole: true },
    { name: 'less input', days: [use({ inputTokens: 9n })], whole: false },
    { name: 'less output', days: [use({ outputTokens: 4n })], whole: false },
    { name: 'a smaller bill', days: [use({ capacityUnits: 97n })], whole: false },
    { name: 'another month', days: [use({ day: '2026-12-01' })], whole: false },
    { name: 'another model', days: [use({ application: 'gpt-4o-1' })], whole: false },
  ])('or not: $name', ({ days, whole }) => {
    expect(isWhole('2026-11', days, [use()])).toBe(whole);
  });
});
