import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startEmulator } from '../emulator.ts';
import type { EmulatorOptions } from '../emulator.ts';

const page = z.object({
  token: z.string().optional(),
  num_items: z.int(),
  items: z.array(z.looseObject({ id: z.string(), name: z.string() })),
});

async function launch(options: EmulatorOptions = {}, tenant = 0) {
  const emulator = await startEmulator(options);
  onTestFinished(() => emulator.close());
  const key = emulator.serviceManagerKey(tenant);
  const answer = await fetch(`${key.url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${key.clientid}:${key.clientsecret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const { access_token } = z.object({ access_token: z.string() }).parse(await answer.json());
  const get = (path: string, query: Record<string, string> = {}) =>
    fetch(`${key.sm_url}${path}?${new URLSearchParams(query).toString()}`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
  return { emulator, get };
}

describe('Service Manager', () => {
  test('finds the offering by name and its plans by the offering', async () => {
    const { get } = await launch();
    const answer = await get('/v1/service_offerings', { fieldQuery: "name eq 'aicore'" });
    const [offering] = page.parse(await answer.json()).items;
    const query = { fieldQuery: `service_offering_id eq '${offering?.id}'` };
    const plans = page.parse(await (await get('/v1/service_plans', query)).json());
    expect(plans.items.map(({ name }) => name)).toEqual(['standard', 'extended']);
  });

  test('gives lists page by page', async () => {
    const { get } = await launch({ config: { serviceManagerPage: 1 } });
    const names: string[] = [];
    let token: string | undefined;
    do {
      const read = page.parse(await (await get('/v1/service_offerings', token ? { token } : {})).json());
      expect(read).toMatchObject({ num_items: 3, items: [{}] });
      names.push(...read.items.map(({ name }) => name));
      token = read.token;
    } while (token !== undefined);
    expect(names).toEqual(['aicore', 'uas', 'service-manager']);
  });

  test('has no offering where the subaccount is not entitled', async () => {
    const { emulator: standard } = await launch();
    const { clientid, clientsecret, identityzone, identityzoneid } = standard.serviceKey();
    const one = { clientId: clientid, clientSecret: clientsecret };
    const zone = { identityZone: identityzone, identityZoneId: identityzoneid, serviceInstanceId: 'i' };
    const { get } = await launch({ config: { tenants: [{ ...one, ...zone, aiCorePlans: [] }] } });
    const answer = await get('/v1/service_offerings', { fieldQuery: "name eq 'aicore'" });
    expect(await answer.json()).toEqual({ num_items: 0, items: [] });
  });

  test('refuses a query it cannot parse', async () => {
    const { get } = await launch();
    const answer = await get('/v1/service_offerings', { fieldQuery: 'name = aicore' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'BadRequest' });
  });

  test('throttles with an HTTP date', async () => {
    const { emulator, get } = await launch();
    emulator.addFault({ fault: 'throttled-date', match: { route: 'service-plans' }, retryAfterSeconds: 30 });
    const answer = await get('/v1/service_plans');
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toMatch(/ GMT$/);
    expect(await answer.json()).toMatchObject({ error: 'TooManyRequests', description: expect.any(String) });
  });
});
