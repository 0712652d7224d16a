import { describe, expect, test } from 'vitest';
import { eventually } from '../../test/control-plane/eventually.ts';
import { LeaseWorld, refusedWith, spending } from './test-lease-world.ts';
import { openMessage, reportMessage } from './test-service.ts';

const world = LeaseWorld.forFile();
const threeCu = { ask: { need: '3', want: '3' } };

describe('a lease', () => {
  test('is opened, granted and reported, and is in the ledger before the answer is', async () => {
    const { uid, name, pod, call } = await world.holder();
    expect(await call('/v1/lease', openMessage('chat', uid))).toMatchObject({
      status: 200,
      body: {
        kind: 'opened',
        incarnation: 1,
        seq: 0,
        resumed: false,
        row: { granted: '0' },
      },
    });
    const granted = await call('/v1/lease', reportMessage('chat', uid, threeCu));
    const { rows, outstanding } = (await world.stored(name)).spec;
    expect(granted).toMatchObject({ status: 200, body: { kind: 'reported', seq: 1, row: { granted: '3' } } });
    expect(outstanding).toBe('3');
    expect(rows).toContain(`pod:${pod.uid} 1 1 open 3 `);
    expect(rows).toContain(` ${world.namespace}/app`);
    const spent = reportMessage('chat', uid, { seq: 2, spent: '1.000000001', returned: '1' });
    expect(await call('/v1/lease', spent)).toMatchObject({
      body: { ledger: { settled: '1.000000001', outstanding: '0.999999999', grantable: '8' } },
    });
    expect(world.running.outcomes).toEqual(['lease ok', 'lease ok', 'lease ok']);
  });

  test('that names a ledger nobody knows is refused by an answer', async () => {
    const { call } = await world.holder();
    expect(await call('/v1/lease', openMessage('chat', 'no-such-uid'))).toMatchObject({
      status: 200,
      body: { kind: 'refused', reason: 'ledger_unknown' },
    });
  });

  test('that reports to a ledger nobody knows is refused by an answer, and told', async () => {
    const { call, pod } = await world.holder();
    expect(await call('/v1/lease', reportMessage('chat', 'no-such-uid'))).toMatchObject({
      status: 200,
      body: { kind: 'refused', reason: 'ledger_unknown' },
    });
    expect(world.running.refused).toMatchObject([{ pod: { uid: pod.uid }, reason: 'ledger_unknown' }]);
  });

  test('that names the ledger of another budget of the same pod is not that budget’s', async () => {
    const { uid } = await world.ledger('other', '10');
    const { call } = await world.holder();
    const answer = await call('/v1/lease', openMessage('chat', uid));
    expect(answer).toEqual(refusedWith(403, 'ledger_of_other_budget'));
  });

  test('goes on after the operator was restarted in the middle', async () => {
    const { uid, pod, call } = await world.holder();
    await call('/v1/lease', openMessage('chat', uid));
    const report = reportMessage('chat', uid, threeCu);
    await call('/v1/lease', report);
    await world.running.stop();
    const after = await world.startAnother();
    const repeated = await after.call('/v1/lease', reportMessage('chat', uid), pod.token);
    expect(repeated).toMatchObject({
      status: 200,
      body: { kind: 'reported', seq: 1, row: { granted: '3' } },
    });
    const ask = (seq: number) =>
      after.call('/v1/lease', reportMessage('chat', uid, { seq, spent: '1', ...threeCu }), pod.token);
    expect(await ask(2)).toEqual(refusedWith(503, 'ledger_unavailable'));
    await world.ledger('chat', '10', after);
    // Booked before, without being granted: what is missing is asked for anew.
    for (const [seq, granted] of [
      [2, '3'],
      [3, '6'],
    ] as const)
      expect(await ask(seq)).toMatchObject({
        status: 200,
        body: { kind: 'reported', row: { granted, spent: '1' } },
      });
  });

  test('of many pods at once never passes the cap', async () => {
    const { uid } = await world.ledger('chat', '10');
    const pods = await Promise.all(
      Array.from({ length: 30 }, (_, index) => world.pod(`app-${index}`, spending)),
    );
    const { call } = world.running;
    const grants = await Promise.all(
      pods.map(async ({ token }) => {
        await call('/v1/lease', openMessage('chat', uid), token);
        const { body } = await call(
          '/v1/lease',
          reportMessage('chat', uid, { ask: { need: '1', want: '1' } }),
          token,
        );
        return Object(body).row.granted;
      }),
    );
    expect(grants.filter((granted) => granted === '1')).toHaveLength(10);
    expect(grants.filter((granted) => granted === '0')).toHaveLength(20);
  });

  test('has two calls of one row under way at most', async () => {
    const { uid, call } = await world.holder();
    world.running.proxy.inject({ on: 'PUT', hang: true });
    const first = call('/v1/lease', openMessage('chat', uid));
    await eventually(
      async () => (world.running.proxy.requests.some((line) => line.startsWith('PUT')) ? true : undefined),
      { what: 'the write to be under way', timeoutMs: 5000 },
    );
    const others = await Promise.race([
      Promise.all([call('/v1/lease', openMessage('chat', uid)), call('/v1/lease', openMessage('chat', uid))]),
      eventually(async () => (world.running.outcomes.includes('lease busy') ? 'busy' : undefined), {
        what: 'a call to be refused',
        timeoutMs: 5000,
      }),
    ]);
    expect(others).toBe('busy');
    world.running.proxy.cutConnections();
    expect(await first).toMatchObject({ status: 200, body: { kind: 'opened', incarnation: 1 } });
  });

  test('of a ledger that somebody has edited is put off, and says why', async () => {
    const { uid, name, call } = await world.holder();
    await call('/v1/lease', openMessage('chat', uid));
    await world.controlPlane.call({
      method: 'PATCH',
      path: `/apis/sapai.eerly.ai/v1alpha1/namespaces/${world.operatorNamespace}/sapailedgers/${name}`,
      contentType: 'application/merge-patch+json',
      body: { spec: { held: '5' } },
    });
    const answer = await call('/v1/lease', reportMessage('chat', uid, threeCu));
    expect(answer).toEqual(refusedWith(503, 'ledger_unusable', expect.stringContaining('held says 5 CU')));
  });
});
