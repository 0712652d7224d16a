import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import type { Emulator, EmulatorOptions } from '../emulator.ts';
import { startEmulator } from '../emulator.ts';
import { add, formatExact, parseExact, zero } from '../exact.ts';
import { ask, connect, deploymentIds } from '../test-client.ts';

const noon = Date.parse('2026-11-20T12:00:00Z');
const rowsShape = z.object({
  content: z.array(
    z.looseObject({
      subaccountId: z.string(),
      serviceId: z.string(),
      measureId: z.string(),
      application: z.string().nullish(),
      instanceId: z.string().nullish(),
      usage: z.string(),
    }),
  ),
});
type Rows = z.infer<typeof rowsShape>['content'];

interface Client {
  get(path: string): Promise<Response>;
}

async function usageClient(emulator: Emulator): Promise<Client> {
  const key = emulator.usageKey();
  if ('uaa' in key) throw new Error('the flat layout was asked for');
  const form = { grant_type: 'client_credentials', client_id: key.clientid, client_secret: key.clientsecret };
  const answer = await fetch(`${key.url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) });
  const { access_token } = z.object({ access_token: z.string() }).parse(await answer.json());
  return {
    get: (path) =>
      fetch(`${key.target_url}${path}`, { headers: { authorization: `Bearer ${access_token}` } }),
  };
}

/** Rows with `usage` as it was written, not as a double. */
async function rowsOf(response: Response): Promise<Rows> {
  const text = await response.text();
  return rowsShape.parse(JSON.parse(text.replaceAll(/"usage":([\d.]+)/g, '"usage":"$1"'))).content;
}

async function launch(options: EmulatorOptions = {}) {
  let now = noon;
  const emulator = await startEmulator({ now: () => now, ...options });
  onTestFinished(() => emulator.close());
  const client = await connect(emulator);
  return {
    emulator,
    client,
    usage: await usageClient(emulator),
    travel: (ms: number) => {
      now += ms;
    },
  };
}

const month = '/reports/v1/monthlyUsage?fromDate=202611&toDate=202611';

function daysPath(emulator: Emulator, tenant = 0): string {
  const { identityzoneid } = emulator.serviceKey(tenant);
  return `/reports/v1/subaccountUsage?subaccountId=${identityzoneid}&fromDate=20261101&toDate=20261130&periodPerspective=DAY`;
}

describe('usage data', () => {
  test('shows nothing of a day before it is closed, then the five measures of what the books say', async () => {
    const { emulator, client, usage } = await launch();
    await (await client.chat(ask('hello [[out=300]]'))).text();
    expect(await rowsOf(await usage.get(month))).toEqual([]);
    emulator.closeDay();
    const { identityzoneid } = emulator.serviceKey();
    const rows = await rowsOf(await usage.get(month));
    const own = rows.filter((row) => row.subaccountId === identityzoneid && row.serviceId === 'ai-core');
    const { totals } = emulator.books.read();
    expect(
      own.map(({ measureId, application, instanceId, usage: amount }) => [
        measureId,
        application,
        instanceId,
        amount,
      ]),
    ).toEqual([
      ['input_tokens', 'gpt-4o-mini-2024-07-18', 'default', `${totals.promptTokens}.0`],
      ['output_tokens', 'gpt-4o-mini-2024-07-18', 'default', `${totals.outputTokens}.0`],
      ['genai_token', 'gpt-4o-mini-2024-07-18', 'default', expect.stringMatching(/^0\.\d+$/)],
      ['capacity_units_genai_token', 'gpt-4o-mini-2024-07-18', 'default', totals.capacityUnits],
      ['capacity_units', 'gpt-4o-mini-2024-07-18', 'default', totals.capacityUnits],
    ]);
  });

  test('mixes in rows of other subaccounts and services', async () => {
    const { emulator, usage } = await launch();
    emulator.closeDay();
    const rows = await rowsOf(await usage.get(month));
    const { identityzoneid } = emulator.serviceKey();
    expect(rows.some((row) => row.serviceId === 'ai-core' && row.subaccountId !== identityzoneid)).toBe(true);
    expect(rows.some((row) => row.serviceId !== 'ai-core' && row.subaccountId === identityzoneid)).toBe(true);
  });

  test('gives the days of one subaccount alone, by resource group, also of days closed later', async () => {
    const { emulator, client, travel } = await launch();
    const chatIn = async (resourceGroup: string, deployment: string) =>
      (await client.chat(ask('hello'), { resourceGroup, deployment })).text();
    await chatIn('default', deploymentIds.gpt4oMini);
    await chatIn('team-a', deploymentIds.teamA);
    emulator.closeDay();
    travel(86_400_000);
    await (await connect(emulator, 1)).chat(ask('of somebody else'));
    await (await (await connect(emulator)).chat(ask('the next day'))).text();
    const shown = async () =>
      (await rowsOf(await (await usageClient(emulator)).get(daysPath(emulator))))
        .filter(({ measureId, serviceId }) => measureId === 'input_tokens' && serviceId === 'ai-core')
        .map((row) => [row['periodStartDate'], row.instanceId]);
    expect(await shown()).toEqual([
      [20261120, 'default'],
      [20261120, 'team-a'],
    ]);
    emulator.closeDay('2026-11-21');
    expect(await shown()).toContainEqual([20261121, 'default']);
    expect(await shown()).toHaveLength(3);
  });

  test('adds up, exactly, to the books of each client', async () => {
    const { emulator, client, usage } = await launch({ config: { billMaximum: true } });
    for (const text of ['one', '[[out=77]] two', '[[fault=no-usage]] three'])
      await (await client.chat(ask(text))).text();
    emulator.closeDay();
    const rows = await rowsOf(await usage.get(daysPath(emulator)));
    const billed = rows
      .filter((row) => row.measureId === 'capacity_units' && row.serviceId === 'ai-core')
      .map((row) => parseExact(row.usage))
      .reduce(add, zero);
    expect(formatExact(billed)).toBe(emulator.books.read().totals.capacityUnits);
  });

  test('refuses days to a client of its own where SAP wants a user, but not months', async () => {
    const { emulator, usage } = await launch({ config: { usageData: { dailyForbidden: true } } });
    expect((await usage.get(daysPath(emulator))).status).toBe(403);
    expect((await usage.get(month)).status).toBe(200);
  });

  test('does not take a token of AI Core, nor does AI Core take one of usage data', async () => {
    const { client, usage } = await launch();
    expect((await client.get(month)).status).toBe(401);
    expect((await usage.get('/v2/lm/scenarios')).status).toBe(401);
  });

  test.each([
    { fault: 'throttled' as const, status: 429, type: 'text/html', body: /^<html>/ },
    { fault: 'html-page' as const, status: 200, type: 'text/html', body: /^<!doctype html>/ },
    {
      fault: 'truncated-json' as const,
      status: 200,
      type: 'application/json',
      body: /^\{"content":\[\{.*[^}]$/,
    },
    { fault: 'empty-month' as const, status: 200, type: 'application/json', body: /^\{"content":\[\]\}$/ },
  ])('fails as $fault', async ({ fault, status, type, body }) => {
    const { emulator, usage } = await launch();
    emulator.closeDay();
    emulator.addFault({ fault, match: { route: 'usage-monthly' } });
    const answer = await usage.get(month);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain(type);
    expect(await answer.text()).toMatch(body);
  });

  test('has a cost on capacity units alone', async () => {
    const { emulator, client, usage } = await launch();
    await (await client.chat(ask('hello'))).text();
    emulator.closeDay();
    const answer = await usage.get('/reports/v1/monthlySubaccountsCost?fromDate=202611&toDate=202611');
    expect(new Set((await rowsOf(answer)).map(({ measureId }) => measureId))).toEqual(
      new Set(['capacity_units']),
    );
  });

  test('has an estimated cost until the month is billed', async () => {
    const { emulator, client, usage } = await launch();
    await (await client.chat(ask('hello'))).text();
    emulator.closeDay();
    const path = '/reports/v1/monthlySubaccountsCost?fromDate=202611&toDate=202611';
    const estimated = async () =>
      new Set((await rowsOf(await usage.get(path))).map((row) => row['estimated']));
    expect(await estimated()).toEqual(new Set([true]));
    const close = (body: string) => fetch(`${emulator.url}/__emulator/close-month`, { method: 'POST', body });
    expect((await close('{"month":"2026-13"}')).status).toBe(400);
    expect(await (await close('{"month":"2026-11"}')).json()).toEqual({ billed: '2026-11' });
    expect(await estimated()).toEqual(new Set([false]));
  });

  test('closes a day by an admin call', async () => {
    const { emulator } = await launch();
    const close = (body?: string) =>
      fetch(`${emulator.url}/__emulator/close-day`, { method: 'POST', ...(body ? { body } : {}) });
    expect(await (await close()).json()).toEqual({ closedThrough: '2026-11-20' });
    expect(await (await close('{"day":"2026-11-22"}')).json()).toEqual({ closedThrough: '2026-11-22' });
    expect((await close('{"day":"tomorrow"}')).status).toBe(400);
  });
});
