import { describe, expect, test } from 'vitest';
import { LeaseWorld, label, refusedWith, spending } from './test-lease-world.ts';
import { openMessage, reportMessage } from './test-service.ts';
import type { TestPod } from './test-service.ts';

const world = LeaseWorld.forFile();
const sixCu = { ask: { need: '6', want: '6' } };

/** A pod that holds six CU of ten, another one that may spend from the same budget, and how the ledger is stored. */
async function twoPods() {
  const { uid, name, pod, call } = await world.holder();
  await call('/v1/lease', openMessage('chat', uid));
  await call('/v1/lease', reportMessage('chat', uid, sixCu));
  const other = await world.pod('other', spending);
  const sums = async () => {
    const { settled, outstanding, held, overrun } = (await world.stored(name)).spec;
    return { settled, outstanding, held, overrun };
  };
  return { uid, name, pod, other, call, sums, ...sending(uid, other) };
}

function sending(uid: string, { token }: TestPod) {
  const { call } = world.running;
  return {
    openAs: (processId?: string) => call('/v1/lease', openMessage('chat', uid, processId), token),
    reportAs: (more: object) => call('/v1/lease', reportMessage('chat', uid, more), token),
  };
}

const untouched = { settled: '0', outstanding: '6', held: '0', overrun: '0' };

describe('the token of a pod', () => {
  test('reaches the row of that pod alone, whatever process, number and figures a message has', async () => {
    const { name, pod, other, sums, openAs, reportAs } = await twoPods();
    expect(await reportAs({ seq: 2, spent: '6' })).toMatchObject({ body: { reason: 'row_unknown' } });
    expect(await reportAs({ seq: 2, returned: '6' })).toMatchObject({ body: { reason: 'row_unknown' } });
    const told = { type: 'ReportRefused', refusal: 'row_unknown', key: `pod:${other.uid}` };
    expect(world.running.events).toEqual([
      { ...told, name: `${world.namespace}/other` },
      { ...told, name: `${world.namespace}/other` },
    ]);
    expect(await sums()).toEqual(untouched);
    // The process id of the other pod's lease opens a row of its own.
    expect(await openAs('00000000000000aa')).toMatchObject({
      body: { kind: 'opened', row: { granted: '0' } },
    });
    expect((await world.stored(name)).spec.rows).toMatch(new RegExp(`pod:${pod.uid} 1 1 open 6 0 `));
    expect(await sums()).toEqual(untouched);
  });

  test('of a pod that is gone books nothing, and is an event of that pod', async () => {
    const { uid, pod, call, sums } = await twoPods();
    const path = `/api/v1/namespaces/${world.namespace}/pods/${pod.name}`;
    await world.controlPlane.call({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
    world.running.clock.aheadMs += 6000;
    const answer = await call('/v1/lease', reportMessage('chat', uid, { seq: 2, returned: '6' }));
    expect(answer).toEqual(refusedWith(401, 'pod_gone'));
    const { name, uid: podUid } = pod;
    const identity = { namespace: world.namespace, name, uid: podUid };
    expect(world.running.refused).toEqual([{ pod: identity, reason: 'pod_gone' }]);
    expect(await sums()).toEqual(untouched);
  });

  test('for another audience books nothing, and no pod is blamed for it', async () => {
    const { uid, pod, sums } = await twoPods();
    const of = { namespace: world.namespace, pod: { name: pod.name, uid: pod.uid } };
    const token = await world.controlPlane.serviceAccountToken({ ...of, audience: 'somebody.else' });
    const returning = reportMessage('chat', uid, { seq: 2, returned: '6' });
    const answer = await world.running.call('/v1/lease', returning, token);
    expect(answer).toEqual(refusedWith(401, 'token_refused'));
    expect(world.running.refused).toEqual([]);
    expect(world.running.outcomes.at(-1)).toBe('lease token_refused');
    expect(await sums()).toEqual(untouched);
  });
});

describe('figures that nobody granted', () => {
  test('are booked in full as overrun, and are an event', async () => {
    const { sums, openAs, reportAs } = await twoPods();
    await openAs();
    expect(await reportAs({ spent: '3' })).toMatchObject({ body: { kind: 'reported' } });
    expect(world.running.events).toMatchObject([{ type: 'Overrun', amount: 3_000_000_000n }]);
    expect(await sums()).toEqual({ ...untouched, settled: '3', overrun: '3' });
  });

  test('that are said to be returned give nothing back', async () => {
    const { sums, openAs, reportAs } = await twoPods();
    await openAs();
    expect(await reportAs({ returned: '3' })).toMatchObject({ body: { ledger: { grantable: '4' } } });
    expect(await sums()).toEqual(untouched);
  });

  test('that go backwards are not booked, are an event, and leave the lease outstanding', async () => {
    const { uid, call, sums } = await twoPods();
    await call('/v1/lease', reportMessage('chat', uid, { seq: 2, spent: '2' }));
    const answer = await call('/v1/lease', reportMessage('chat', uid, { seq: 3, spent: '1' }));
    expect(answer).toMatchObject({ status: 200, body: { kind: 'refused', reason: 'report_backwards' } });
    expect(world.running.events).toMatchObject([{ type: 'ReportRefused', refusal: 'report_backwards' }]);
    expect(await sums()).toEqual({ ...untouched, settled: '2', outstanding: '4' });
  });

  test('that overflow are no message, and are an event of the pod', async () => {
    const { uid, pod, call, sums } = await twoPods();
    const answer = await call('/v1/lease', reportMessage('chat', uid, { seq: 2, spent: '2000000001' }));
    const why = expect.stringContaining('spent: must be at most twice');
    expect(answer).toEqual(refusedWith(400, 'malformed', why));
    expect(world.running.refused).toMatchObject([{ pod: { uid: pod.uid }, reason: 'malformed' }]);
    expect(await sums()).toEqual(untouched);
  });
});

test('the lease of another budget is not reached, and the attempt is an event of the pod', async () => {
  const { sums, uid } = await twoPods();
  await world.ledger('second', '10');
  const { token, uid: podUid } = await world.pod('stranger', { labels: { [label]: 'second' } });
  const { call, refused } = world.running;
  const returning = { seq: 2, returned: '6' };
  const asChat = await call('/v1/lease', reportMessage('chat', uid, returning), token);
  expect(asChat).toEqual(refusedWith(403, 'budget_not_allowed'));
  const asSecond = await call('/v1/lease', reportMessage('second', uid, returning), token);
  expect(asSecond).toEqual(refusedWith(403, 'ledger_of_other_budget'));
  const pod = expect.objectContaining({ uid: podUid });
  expect(refused).toEqual([
    { pod, reason: 'budget_not_allowed' },
    { pod, reason: 'ledger_of_other_budget' },
  ]);
  expect(await sums()).toEqual(untouched);
});
