import { describe, expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { nextPeriod } from '../../accounting/period.ts';
import { group } from '../../crds/custom-resource.ts';
import { ledgerName } from './ledger-store.ts';
import { budget, editLedger, holder, need, pathOf, rule, storedLedger } from './test-ledgers.ts';
import { LedgerWorld, ask, bookOf } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();

describe('a ledger that is needed', () => {
  test('is created under the name of its budget and period, without an owner', async () => {
    const { name } = await world.startWith('12.5');
    const { metadata, spec } = await storedLedger(world, name);
    expect(name).toBe(ledgerName(budget, need('1').period.name));
    expect(metadata).not.toHaveProperty('ownerReferences');
    expect(metadata).toMatchObject({
      labels: { [`${group}/budget`]: 'chat', [`${group}/budget-namespace`]: 'team-a' },
    });
    expect(spec).toMatchObject({
      budget,
      cap: '12.5',
      createdFor: 'budget-uid',
      ...rule,
      seq: 0,
      settled: '0',
    });
  });

  test('is adopted with what was spent, also by a budget that was created anew', async () => {
    const { side, uid, book } = await world.startWith('10');
    const pod = holder('a');
    await ask(side, uid, { name: 'a', amount: '4' });
    await book.handle(pod.report(uid, { seq: 2, spent: '3' }), pod.context(side.clock.nowMs()));
    const after = await world.start();
    const snapshot = await after.ledgers.ensureLedger(need('10', { createdFor: 'another' }), { signal });
    expect(snapshot).toMatchObject({
      uid,
      settled: parseAmount('3'),
      outstanding: parseAmount('1'),
      holders: 1,
    });
  });

  test('is written only when the cap is another', async () => {
    const { side, name } = await world.startWith('10');
    const before = side.proxy.requests.length;
    await side.ledgers.ensureLedger(need('10'), { signal });
    expect(side.proxy.requests.length).toBe(before);
    expect(await side.ledgers.ensureLedger(need('7'), { signal })).toMatchObject({ cap: parseAmount('7') });
    expect((await storedLedger(world, name)).spec.cap).toBe('7');
  });

  test('is adopted when its creation was not answered', async () => {
    const side = await world.start();
    side.proxy.inject({ on: /^POST .*sapailedgers/, loseAnswer: true });
    const { name } = await side.ledgers.ensureLedger(need('10'), { signal });
    expect((await storedLedger(world, name)).spec.cap).toBe('10');
  });

  test('that two operators create at once is one', async () => {
    const [a, b] = [await world.start(), await world.start()];
    const snapshots = await Promise.all(
      [a, b].map(({ ledgers }) => ledgers.ensureLedger(need('10'), { signal })),
    );
    expect(snapshots[0]?.uid).toBe(snapshots[1]?.uid);
  });

  test('and was seen further on by the budget, but is not there, is lost and not refilled', async () => {
    const side = await world.start();
    const ensured = side.ledgers.ensureLedger(need('10', { seenSeq: 3 }), { signal });
    await expect(ensured).rejects.toMatchObject({ name: 'LedgerError', reason: 'lost' });
    expect(side.proxy.requests.filter((line) => line.startsWith('POST'))).toEqual([]);
  });

  test('is another one in the next period, and the former still takes reports but grants nothing', async () => {
    const { side, uid } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '4' });
    const period = nextPeriod(need('10').period, rule);
    side.clock.aheadMs = period.startMs - side.clock.nowMs() + 1000;
    const next = await side.ledgers.ensureLedger(need('10', { period }), { signal });
    expect(next.uid).not.toBe(uid);
    const pod = holder('a');
    const late = pod.report(uid, { seq: 2, spent: '2.5', ask: '3' });
    const answer = await (await bookOf(side, uid)).handle(late, pod.context(side.clock.nowMs()));
    expect(answer).toMatchObject({
      kind: 'reported',
      row: { granted: parseAmount('4'), spent: parseAmount('2.5') },
      ledger: { settled: parseAmount('2.5'), grantable: 0n },
    });
    expect(side.ledgers.current(budget)).toMatchObject({ uid: next.uid, settled: 0n });
  });
});

describe('a ledger after a restart', () => {
  test('does not grant before its budget is looked at, however long that takes', async () => {
    const { side, uid, name } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    const after = await world.start();
    after.clock.aheadMs = 600_000;
    const pod = holder('a');
    const send = async (seq: number) => {
      const report = pod.report(uid, { seq, spent: '2', ask: '1' });
      return (await bookOf(after, uid)).handle(report, pod.context(after.clock.nowMs()));
    };
    await expect(send(2)).rejects.toMatchObject({ name: 'LedgerError', reason: 'unavailable' });
    // What it tells is booked all the same, and what was refused is asked for anew.
    const [granted, spent] = [parseAmount('3'), parseAmount('2')];
    expect((await storedLedger(world, name)).spec.settled).toBe('2');
    expect(await send(2)).toMatchObject({ row: { granted, spent }, ledger: { grantable: parseAmount('7') } });
    await after.ledgers.ensureLedger(need('10'), { signal });
    expect(await send(3)).toMatchObject({ kind: 'reported', row: { granted: parseAmount('4'), spent } });
  });

  test('books but never grants for a budget that is gone, and says that nothing could be granted', async () => {
    const { side, uid } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    const after = await world.start();
    after.budgetsExist = false;
    const pod = holder('a');
    const report = pod.report(uid, { seq: 2, spent: '2', ask: '1' });
    const answer = await (await bookOf(after, uid)).handle(report, pod.context(after.clock.nowMs()));
    expect(answer).toMatchObject({
      kind: 'reported',
      row: { granted: parseAmount('3'), spent: parseAmount('2') },
      ledger: { grantable: 0n },
    });
  });
});

describe('a ledger that somebody else touches', () => {
  test('and that does not add up any more stops all grants until it is put right', async () => {
    const { side, uid, name, book } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    await editLedger(world, { name, spec: { outstanding: '1' } });
    const pod = holder('a');
    const report = pod.report(uid, { seq: 2, ask: '1' });
    const refused = book.handle(report, pod.context(side.clock.nowMs()));
    await expect(refused).rejects.toMatchObject({ name: 'LedgerTextError', reason: 'does_not_add_up' });
    expect(side.ledgers.current(budget)?.problem?.reason).toBe('does_not_add_up');
    await expect(side.ledgers.ensureLedger(need('10'), { signal })).rejects.toThrow('outstanding');
    await editLedger(world, { name, spec: { outstanding: '3' } });
    const answer = await book.handle(report, pod.context(side.clock.nowMs()));
    expect(answer).toMatchObject({ kind: 'reported', row: { granted: parseAmount('4') } });
  });

  test('and deletes is lost: it is not opened anew behind the budget’s back', async () => {
    const { side, uid, name, book } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    await world.controlPlane.call({ method: 'DELETE', path: pathOf(world.namespace, name) });
    const pod = holder('a');
    const refused = book.handle(pod.report(uid, { seq: 2, ask: '1' }), pod.context(side.clock.nowMs()));
    await expect(refused).rejects.toMatchObject({ name: 'LedgerError', reason: 'lost' });
    await expect(side.ledgers.ensureLedger(need('10'), { signal })).rejects.toMatchObject({ reason: 'lost' });
  });

  test('and deletes is gone on from if a person says so: what was seen of it is held', async () => {
    const { side, uid, name } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    const seenSeq = side.ledgers.current(budget)?.seq;
    await world.controlPlane.call({ method: 'DELETE', path: pathOf(world.namespace, name) });
    const seen = parseAmount('4');
    const accepting = (at: string) => ({
      ...need('11'),
      seenSeq,
      recovery: {
        accepts: (found: { name: string; seq: number }) => `${found.name}@${found.seq}` === at,
        seen,
      },
    });
    await expect(side.ledgers.ensureLedger(need('11'), { signal })).rejects.toMatchObject({ reason: 'lost' });
    const other = side.ledgers.ensureLedger(accepting(`${name}@1`), { signal });
    await expect(other).rejects.toThrow(`sapai.eerly.ai/accept-ledger=${name}@0`);
    const snapshot = await side.ledgers.ensureLedger(accepting(`${name}@0`), { signal });
    expect(snapshot).toMatchObject({ held: seen, outstanding: 0n, available: parseAmount('7') });
    expect(snapshot.uid).not.toBe(uid);
    await ask(side, snapshot.uid, { name: 'b', amount: '7' });
    const released = { key: 'recovered', seq: 1, held: seen, spent: parseAmount('1') };
    expect(await side.ledgers.release(budget, released)).toEqual({ state: 'released' });
    expect(side.ledgers.current(budget)).toMatchObject({ held: 0n, available: parseAmount('3') });
  });

  test('and rolls back is gone on from at that change if a person says so', async () => {
    const { side, uid, name } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    const { spec, metadata } = await storedLedger(world, name);
    await ask(side, uid, { name: 'b', amount: '4' });
    const path = pathOf(world.namespace, name);
    await world.controlPlane.call({ method: 'DELETE', path });
    const body = {
      apiVersion: `${group}/v1alpha1`,
      kind: 'SapAiLedger',
      metadata: { name, labels: metadata.labels },
      spec,
    };
    await world.controlPlane.call({ method: 'POST', path: path.slice(0, path.lastIndexOf('/')), body });
    const recovery = { accepts: () => true, seen: parseAmount('7') };
    await expect(side.ledgers.ensureLedger(need('11'), { signal })).rejects.toMatchObject({ reason: 'lost' });
    const snapshot = await side.ledgers.ensureLedger({ ...need('11'), recovery }, { signal });
    expect(snapshot).toMatchObject({ outstanding: parseAmount('3'), held: parseAmount('4') });
  });

  test('and restores from a backup is adopted if nothing is missing, under its new uid', async () => {
    const { side, uid, name, book } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    const { spec, metadata } = await storedLedger(world, name);
    const path = pathOf(world.namespace, name);
    await world.controlPlane.call({ method: 'DELETE', path });
    await expect(book.noteToken({ key: 'pod:a', incarnation: 1, expires: 9 })).rejects.toThrow('deleted');
    const object = {
      apiVersion: `${group}/v1alpha1`,
      kind: 'SapAiLedger',
      metadata: { name, labels: metadata.labels },
      spec,
    };
    await world.controlPlane.call({
      method: 'POST',
      path: path.slice(0, path.lastIndexOf('/')),
      body: object,
    });
    const snapshot = await side.ledgers.ensureLedger(need('10'), { signal });
    expect(snapshot).toMatchObject({ outstanding: parseAmount('3') });
    expect(snapshot.uid).not.toBe(uid);
    expect(snapshot).not.toHaveProperty('problem');
  });

  test('keeps the labels and annotations they gave it', async () => {
    const { side, uid, name } = await world.startWith('10');
    const contentType = 'application/merge-patch+json';
    const body = { metadata: { annotations: { note: 'audited' } } };
    await world.controlPlane.call({
      method: 'PATCH',
      path: pathOf(world.namespace, name),
      contentType,
      body,
    });
    await ask(side, uid, { name: 'a', amount: '3' });
    const { metadata, spec } = await storedLedger(world, name);
    expect(metadata.annotations).toEqual({ note: 'audited' });
    expect(spec.outstanding).toBe('3');
  });
});
