import { describe, expect, test } from 'vitest';
import { SapError } from '../sap/sap-error.ts';
import { LeaseWorld, refusedWith } from './test-lease-world.ts';
import { openMessage } from './test-service.ts';

const world = LeaseWorld.forFile();

function message(ledgerUid: string, incarnation = 1): object {
  return { schema: 1, budget: 'chat', ledgerUid, incarnation };
}

describe('a SAP token', () => {
  test('is given to the newest process once its end is in the ledger', async () => {
    const { uid, name, call } = await world.holder();
    await call('/v1/lease', openMessage('chat', uid));
    const expiresAtMs = world.running.clock.nowMs() + 3_600_500;
    world.running.sap.next = () => Promise.resolve({ accessToken: 'sap-token', expiresAtMs });
    expect(await call('/v1/token', message(uid))).toEqual({
      status: 200,
      body: { schema: 1, accessToken: 'sap-token', expiresInSeconds: 3600 },
    });
    expect((await world.stored(name)).spec.rows).toContain(` ${Math.ceil(expiresAtMs / 1000)} `);
    expect(world.running.logged.filter((line) => line.includes('sap-token'))).toEqual([]);
  });

  test('is not given to a process that was followed by another, nor before the lease is open', async () => {
    const { uid, call } = await world.holder();
    expect(await call('/v1/token', message(uid))).toEqual(refusedWith(403, 'process_superseded'));
    await call('/v1/lease', openMessage('chat', uid, '00000000000000aa'));
    await call('/v1/lease', openMessage('chat', uid, '00000000000000bb'));
    expect(await call('/v1/token', message(uid, 1))).toEqual(refusedWith(403, 'process_superseded'));
    expect(await call('/v1/token', message(uid, 2))).toMatchObject({ status: 200 });
  });

  test('does not leave when its end cannot be stored', async () => {
    const { uid, call } = await world.holder();
    await call('/v1/lease', openMessage('chat', uid));
    const body = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no' };
    world.running.proxy.inject({ on: 'PUT', answer: { status: 403, body } });
    expect(await call('/v1/token', message(uid))).toEqual(refusedWith(503, 'ledger_unavailable'));
  });

  test('is not given for a budget that the pod does not name', async () => {
    const { uid } = await world.ledger('other', '10');
    const { call } = await world.holder();
    const answer = await call('/v1/token', { ...message(uid), budget: 'other' });
    expect(answer).toEqual(refusedWith(403, 'budget_not_allowed'));
  });

  test('that SAP does not give is explained', async () => {
    const { uid, call } = await world.holder();
    await call('/v1/lease', openMessage('chat', uid));
    world.running.sap.next = () =>
      Promise.reject(new SapError('CredentialsInvalid', 'create a new service key'));
    expect(await call('/v1/token', message(uid))).toEqual(
      refusedWith(503, 'token_unavailable', expect.stringContaining('create a new service key')),
    );
  });

  test('is refused to a pod that has just finished, though it was alive a moment ago', async () => {
    const { uid, call } = await world.holder();
    await call('/v1/lease', openMessage('chat', uid));
    await world.controlPlane.call({
      method: 'PATCH',
      path: `/api/v1/namespaces/${world.namespace}/pods/app/status`,
      contentType: 'application/merge-patch+json',
      body: { status: { phase: 'Failed' } },
    });
    expect(await call('/v1/token', message(uid))).toEqual(refusedWith(401, 'pod_finished'));
  });
});
