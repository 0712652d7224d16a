import { Agent, request } from 'undici';
import { describe, expect, test } from 'vitest';
import type { BudgetConfiguration } from '../../accounting/configuration-messages.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { LeaseWorld, refusedWith, spending } from './test-lease-world.ts';
import { openMessage } from './test-service.ts';

const world = LeaseWorld.forFile();

function unavailable(reason: string): BudgetConfiguration {
  const { namespace } = world;
  return { state: 'unavailable', namespace, budget: 'chat', reason, message: 'see the budget' };
}

describe('a configuration', () => {
  test('comes at once when it differs from what was seen, and else as soon as it does', async () => {
    const { call } = await world.holder();
    const { configurations } = world.running;
    configurations.publish(unavailable('SecretNotFound'));
    const first = await call('/v1/configuration', { schema: 1, waitSeconds: 55 });
    expect(first).toMatchObject({
      status: 200,
      body: { budgets: [{ budget: 'chat', reason: 'SecretNotFound' }] },
    });
    const { etag: seen } = Object(first.body);
    const asked = world.running.proxy.requests.length;
    const second = call('/v1/configuration', { schema: 1, seen, waitSeconds: 55 });
    const same = await call('/v1/configuration', { schema: 1, seen, waitSeconds: 0 });
    expect(same).toEqual(first);
    configurations.publish(unavailable('CredentialsInvalid'));
    expect(await second).toMatchObject({ body: { budgets: [{ reason: 'CredentialsInvalid' }] } });
    // Pod and token were known already.
    expect(world.running.proxy.requests.length).toBe(asked);
  });

  test('names the home of the pod, and comes as soon as that is another replica', async () => {
    const { call } = await world.holder();
    const { peers, configurations } = world.running;
    configurations.publish(unavailable('SecretNotFound'));
    const poll = (message: object) => call('/v1/configuration', { schema: 1, waitSeconds: 55, ...message });
    const first = await poll({ home: '' });
    expect(first.body).not.toHaveProperty('home');
    const { etag: seen } = Object(first.body);
    const waiting = poll({ seen, home: '' });
    const others = ['2', '3', '4', '5', '6', '7'].map((last) => ({
      name: last,
      version: '1',
      origin: `https://127.0.0.${last}:9443`,
      durationMs: 15_000,
    }));
    peers.observe(others);
    const home = peers.homeOf(world.namespace);
    const standIn = peers.standInOf(world.namespace);
    expect(await waiting).toEqual({
      status: 200,
      body: { schema: 1, etag: seen, budgets: [], home, standIn },
    });
    const settled = poll({ seen, home });
    peers.observe([]);
    expect((await settled).body).toEqual({ schema: 1, etag: seen, budgets: [] });
    // One that knows of no homes is told of none.
    peers.observe(others);
    expect((await poll({})).body).not.toHaveProperty('home');
  });

  test('comes with a recall once the pod is seen to be deleted, also to a poll that waits', async () => {
    const { uid, pod, call } = await world.holder();
    const { etag: seen } = Object((await call('/v1/configuration', { schema: 1, waitSeconds: 0 })).body);
    const waiting = call('/v1/configuration', { schema: 1, seen, waitSeconds: 55 });
    const path = `/api/v1/namespaces/${world.namespace}/pods/${pod.name}`;
    const keep = (finalizers: string[] | null) =>
      world.controlPlane.call({
        method: 'PATCH',
        path,
        contentType: 'application/merge-patch+json',
        body: { metadata: { finalizers } },
      });
    await keep(['test.local/keep']);
    await world.controlPlane.call({ method: 'DELETE', path });
    world.running.clock.aheadMs = 6000;
    await call('/v1/lease', openMessage('chat', uid));
    const { body } = await waiting;
    expect(body).toMatchObject({ etag: seen, budgets: [], recalls: { chat: expect.any(Number) } });
    await keep(null);
  });

  test('that is asked for too often at once is refused', async () => {
    const { call } = await world.holder();
    const { etag: seen } = Object((await call('/v1/configuration', { schema: 1, waitSeconds: 0 })).body);
    const polls = Array.from({ length: 5 }, () =>
      call('/v1/configuration', { schema: 1, seen, waitSeconds: 55 }),
    );
    expect(await Promise.any(polls)).toEqual(refusedWith(503, 'busy'));
    world.running.configurations.publish(unavailable('SecretNotFound'));
    const statuses = (await Promise.all(polls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(4);
  });

  test('that nobody waits for any more is given up', async () => {
    const { pod, call } = await world.holder();
    const { service, authority, outcomes } = world.running;
    const { etag: seen } = Object((await call('/v1/configuration', { schema: 1, waitSeconds: 0 })).body);
    const dispatcher = new Agent({ allowH2: false, connect: { ca: authority.certificate } });
    const left = request(`https://127.0.0.1:${service.port}/v1/configuration`, {
      method: 'POST',
      headers: { authorization: `Bearer ${pod.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ schema: 1, seen, waitSeconds: 55 }),
      dispatcher,
    });
    left.catch(() => undefined);
    await eventually(
      async () => (dispatcher.stats[`https://127.0.0.1:${service.port}`]?.running ? true : undefined),
      {
        what: 'the poll to be sent',
        timeoutMs: 5000,
      },
    );
    await dispatcher.destroy();
    const last = await eventually(async () => outcomes.find((outcome) => outcome.endsWith('caller_left')), {
      what: 'the poll to end',
      timeoutMs: 5000,
    });
    expect(last).toBe('configuration caller_left');
  });
});

describe("a pod's annotation for unified metering", () => {
  test('that cannot be used is told to the pod in place of its ready budget', async () => {
    await world.holder();
    const { configurations, call } = world.running;
    configurations.publish(ready(world.namespace));
    const annotations = {
      'sapai.eerly.ai/unified-metering': '{"businessMetric":{"pattern":"PAGES","param":0}}',
    };
    const wrong = await world.pod('wrong', { ...spending, annotations });
    const right = await world.pod('right', {
      ...spending,
      annotations: { 'sapai.eerly.ai/unified-metering': '{"localTenantId":"t1"}' },
    });
    const ask = async (token: string, body: object = {}) =>
      call('/v1/configuration', { schema: 1, waitSeconds: 0, ...body }, token);
    expect(await ask(wrong.token)).toMatchObject({
      body: { budgets: [{ state: 'unavailable', reason: 'UnifiedMeteringInvalid' }] },
    });
    const told = await ask(right.token);
    expect(told).toMatchObject({ body: { budgets: [{ unifiedMetering: { localTenantId: 't1' } }] } });
    // What was seen with the annotation is no news.
    const { etag: seen } = Object(told.body);
    expect(await ask(right.token, { seen, waitSeconds: 1 })).toEqual(told);
  });
});

function ready(namespace: string): BudgetConfiguration {
  return {
    state: 'ready',
    namespace,
    budget: 'chat',
    ledger: { uid: 'u', name: 'l', period: { name: '2026-11', startMs: 1, endMs: 2 } },
    apiUrl: 'https://api.ai.example/v2',
    resourceGroups: ['default'],
    deployments: [],
    models: [],
    factors: [{ from: '2025-10-22', factor: '1.90385' }],
    priceVersion: 'default@1',
    allowedModels: [],
    unifiedMetering: {
      useCaseId: 'AI-1',
      productType: 'Product',
      businessMetric: { pattern: 'COUNT', param: 3 },
    },
    outputTokens: { minimum: 16 },
  };
}
