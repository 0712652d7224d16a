import { describe, expect, test } from 'vitest';
import { eventually } from '../../test/control-plane/eventually.ts';
import { budgetsAnnotation } from './allowed-budgets.ts';
import { LeaseWorld, label, refusedWith } from './test-lease-world.ts';
import { makePod, openMessage, reportMessage, setPhase } from './test-service.ts';
import type { ServiceAnswer, ServiceUnderTest } from './test-service.ts';

const world = LeaseWorld.forFile();
const anyConfiguration = { schema: 1, waitSeconds: 0 };

function ask(token?: string, of: ServiceUnderTest = world.running): Promise<ServiceAnswer> {
  return of.call('/v1/configuration', anyConfiguration, token);
}
function budgetsIn({ body }: ServiceAnswer): string[] {
  return Object(body).budgets.map(({ budget }: { budget: string }) => budget);
}

describe('a caller', () => {
  test('with the token of its pod is answered, and asked about once a minute', async () => {
    const { token } = await world.pod('app', { labels: { [label]: 'chat' } });
    expect(await ask(token)).toMatchObject({ status: 200, body: { schema: 1 } });
    await ask(token);
    const reviews = () => world.running.proxy.requests.filter((line) => line.includes('tokenreviews')).length;
    expect(reviews()).toBe(1);
    world.running.clock.aheadMs += 61_000;
    await ask(token);
    expect(reviews()).toBe(2);
  });

  test.each([
    { name: 'without a token', token: undefined, reason: 'token_missing' },
    { name: 'with something else in its place', token: '{}', reason: 'token_missing' },
    { name: 'with a token nobody issued', token: 'abc.def.ghi', reason: 'token_refused' },
  ])('$name is not accepted', async ({ token, reason }) => {
    expect(await ask(token)).toEqual(refusedWith(401, reason));
  });

  test('with a token for another audience is not accepted', async () => {
    const { name, uid } = await world.pod('app', { labels: { [label]: 'chat' } });
    const of = { namespace: world.namespace, pod: { name, uid } };
    const other = await world.controlPlane.serviceAccountToken({ ...of, audience: 'somebody.else' });
    const server = await world.controlPlane.serviceAccountToken(of);
    expect(await ask(other)).toEqual(refusedWith(401, 'token_refused'));
    expect(await ask(server)).toEqual(refusedWith(401, 'token_refused'));
  });

  test('with a token that belongs to no pod is not accepted', async () => {
    const { namespace } = world;
    const token = await world.controlPlane.serviceAccountToken({ namespace, audience: 'sapai.eerly.ai' });
    expect(await ask(token)).toEqual(refusedWith(401, 'token_not_bound'));
  });

  test('that is no ServiceAccount is not accepted', async () => {
    expect(await ask(world.controlPlane.tokens.admin)).toMatchObject({ status: 401 });
  });

  test('whose pod was deleted is not accepted, also when its name is used again', async () => {
    const { token, uid } = await world.pod('app', { labels: { [label]: 'chat' } });
    expect(await ask(token)).toMatchObject({ status: 200 });
    const path = `/api/v1/namespaces/${world.namespace}/pods/app`;
    await world.controlPlane.call({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
    world.running.clock.aheadMs += 6000;
    expect(await ask(token)).toEqual(refusedWith(401, 'pod_gone'));
    const again = await world.pod('app', { labels: { [label]: 'chat' } });
    expect(again.uid).not.toBe(uid);
    world.running.clock.aheadMs += 6000;
    expect(await ask(token)).toEqual(refusedWith(401, 'pod_gone'));
    expect(await ask(again.token)).toMatchObject({ status: 200 });
  });

  test('whose pod is being deleted is answered until it is gone', async () => {
    const { namespace } = world;
    const { token } = await world.pod('app', { labels: { [label]: 'chat' } });
    const { call } = world.controlPlane;
    const path = `/api/v1/namespaces/${namespace}/pods/app`;
    const contentType = 'application/merge-patch+json';
    await call({
      method: 'PATCH',
      path,
      contentType,
      body: { metadata: { finalizers: ['test.local/keep'] } },
    });
    await call({ method: 'DELETE', path });
    const { body } = await call({ path });
    expect(Object(body).metadata.deletionTimestamp).toBeTypeOf('string');
    expect(await ask(token)).toMatchObject({ status: 200 });
    await call({ method: 'PATCH', path, contentType, body: { metadata: { finalizers: null } } });
  });

  test.each(['Succeeded', 'Failed'])('whose pod is %s is not accepted', async (phase) => {
    const { token } = await world.pod('job', { labels: { [label]: 'chat' } });
    await setPhase(world.controlPlane, { namespace: world.namespace, name: 'job', phase });
    expect(await ask(token)).toEqual(refusedWith(401, 'pod_finished'));
  });

  test('is told to come again while the API server does not say who it is, and is answered then', async () => {
    const { token } = await world.pod('app', { labels: { [label]: 'chat' } });
    const broken = { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd' };
    world.running.proxy.inject({ on: 'tokenreviews', answer: { status: 500, body: broken } });
    expect(await ask(token)).toEqual(refusedWith(503, 'api_unavailable'));
    expect(await ask(token)).toMatchObject({ status: 200 });
  });

  test('never finds its token in the log', async () => {
    const { token } = await world.pod('app', { labels: { [label]: 'chat' } });
    await ask(token);
    await world.running.call('/v1/lease', '{', token);
    await world.running.call('/v1/lease', '{', `${token}x`);
    const signature = token.split('.')[2] ?? token;
    expect(world.running.logged.length).toBeGreaterThan(1);
    expect(world.running.logged.filter((line) => line.includes(signature))).toEqual([]);
  });
});

describe('the budgets of a pod', () => {
  test.each([
    { name: 'come from its label', labels: { [label]: 'chat' }, want: ['chat'] },
    {
      name: 'come from its annotation first, in its order',
      labels: { [label]: 'chat' },
      annotations: { [budgetsAnnotation]: 'customer-b, customer-a' },
      want: ['customer-b', 'customer-a'],
    },
    { name: 'are none without a label', want: [] },
  ])('$name', async ({ want, labels = {}, annotations = {} }) => {
    const { token } = await world.pod('app', { labels, annotations });
    expect(budgetsIn(await ask(token))).toEqual(want);
  });

  test('come from the label of its namespace when it has none of its own', async () => {
    const namespace = await world.controlPlane.createNamespace({ labels: { [label]: 'shared' } });
    const { token } = await makePod(world.controlPlane, { namespace, name: 'app' });
    const answer = await ask(token);
    expect(Object(answer.body).budgets).toMatchObject([
      { namespace, budget: 'shared', state: 'unavailable', reason: 'BudgetNotFound' },
    ]);
    await world.controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
  });

  test('follow a label that is changed', async () => {
    const { token } = await world.pod('app', { labels: { [label]: 'chat' } });
    expect(budgetsIn(await ask(token))).toEqual(['chat']);
    await relabel('app', 'other');
    world.running.clock.aheadMs += 6000;
    expect(budgetsIn(await ask(token))).toEqual(['other']);
  });

  test('are of its own namespace alone, whatever a message says', async () => {
    const { uid } = await world.ledger('chat', '10');
    const namespace = await world.controlPlane.createNamespace();
    const { token } = await makePod(world.controlPlane, {
      namespace,
      name: 'app',
      labels: { [label]: 'chat' },
    });
    const answer = await world.running.call('/v1/lease', openMessage('chat', uid), token);
    expect(answer).toEqual(refusedWith(403, 'ledger_of_other_budget'));
    await world.controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
  });

  test('that it does not name are refused, but what it spent from one before it was relabelled is booked', async () => {
    const { uid } = await world.ledger('chat', '10');
    const { token } = await world.pod('app', { labels: { [label]: 'chat' } });
    const stranger = await world.pod('stranger', { labels: { [label]: 'other' } });
    const { call } = world.running;
    await call('/v1/lease', openMessage('chat', uid), token);
    await call('/v1/lease', reportMessage('chat', uid, { ask: { need: '3', want: '3' } }), token);
    await relabel('app', 'other');
    world.running.clock.aheadMs += 6000;
    const more = { seq: 2, spent: '2', ask: { need: '3', want: '3' } };
    const answer = await call('/v1/lease', reportMessage('chat', uid, more), token);
    expect(answer).toMatchObject({
      status: 200,
      body: { kind: 'reported', row: { granted: '3', spent: '2' } },
    });
    expect(await call('/v1/lease', openMessage('chat', uid), stranger.token)).toEqual(
      refusedWith(403, 'budget_not_allowed'),
    );
  });
});

async function relabel(name: string, budget: string): Promise<void> {
  const path = `/api/v1/namespaces/${world.namespace}/pods/${name}`;
  const contentType = 'application/merge-patch+json';
  const body = { metadata: { labels: { [label]: budget } } };
  await eventually(
    async () => {
      const { status } = await world.controlPlane.call({ method: 'PATCH', path, contentType, body });
      return status === 200 ? true : undefined;
    },
    { what: `pod ${name} to be relabelled`, timeoutMs: 10_000 },
  );
}
