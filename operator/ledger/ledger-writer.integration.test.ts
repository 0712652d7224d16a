import { describe, expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { budget, holder, need, storedLedger } from './test-ledgers.ts';
import { LedgerWorld, ask, bookOf } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();
const tryAgain = {
  status: 429,
  headers: { 'retry-after': '0' },
  body: { kind: 'Status', code: 429, reason: 'TooManyRequests' },
};
const forbidden = { status: 403, body: { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no' } };

describe('a change', () => {
  test('of fifty holders at once is stored before any is answered, in fewer writes than holders', async () => {
    const { side, uid, name } = await world.startWith('1000');
    const names = Array.from({ length: 50 }, (_, index) => `holder-${index}`);
    const seqs = await Promise.all(
      names.map(async (pod) => {
        const answer = await ask(side, uid, { name: pod, amount: '2' });
        if (answer.kind !== 'reported') throw new Error(answer.kind);
        const { spec } = await storedLedger(world, name);
        return { answered: answer.ledger.seq, stored: spec.seq, granted: answer.row.granted };
      }),
    );
    expect(seqs.filter(({ answered, stored }) => answered > stored)).toEqual([]);
    expect(seqs.filter(({ granted }) => granted !== parseAmount('2'))).toEqual([]);
    expect((await storedLedger(world, name)).spec.outstanding).toBe('100');
    const puts = side.proxy.requests.filter((line) => line.startsWith('PUT')).length;
    expect(puts).toBeLessThan(50);
  });

  test('by two operators at once never passes the cap', async () => {
    const { side, uid, name } = await world.startWith('10');
    const other = await world.start();
    await other.ledgers.ensureLedger(need('10'), { signal });
    const asks = Array.from({ length: 40 }, (_, index) =>
      ask(index % 2 === 0 ? side : other, uid, { name: `holder-${index}`, amount: '1' }),
    );
    const answers = await Promise.all(asks);
    const granted = answers.map((answer) => (answer.kind === 'reported' ? answer.row.granted : -1n));
    expect(granted.filter((amount) => amount === parseAmount('1'))).toHaveLength(10);
    expect(granted.filter((amount) => amount === 0n)).toHaveLength(30);
    expect((await storedLedger(world, name)).spec.outstanding).toBe('10');
    expect([...side.writes, ...other.writes].some(({ outcome }) => outcome === 'conflict')).toBe(true);
  });

  test('whose write is not answered is found to be stored, and happens once', async () => {
    const { side, uid, name } = await world.startWith('10');
    side.proxy.inject({ on: 'PUT', loseAnswer: true, times: 2 });
    const answer = await ask(side, uid, { name: 'a', amount: '3' });
    expect(answer).toMatchObject({ kind: 'reported', row: { granted: parseAmount('3') } });
    const { spec } = await storedLedger(world, name);
    expect(spec).toMatchObject({ seq: 3, outstanding: '3' });
    expect(side.writes.map(({ outcome }) => outcome)).toEqual(['unclear', 'unclear']);
  });

  test('waits for a server that asks to be left alone for a moment', async () => {
    const { side, uid } = await world.startWith('10');
    side.proxy.inject({ on: 'PUT', answer: tryAgain, times: 2 });
    expect(await ask(side, uid, { name: 'a', amount: '3' })).toMatchObject({ kind: 'reported' });
  });

  test('that cannot be stored is not answered, and the next one can', async () => {
    const { side, uid, name, book } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    side.proxy.inject({ on: 'PUT', answer: forbidden });
    const pod = holder('a');
    const second = pod.report(uid, { seq: 2, ask: '5' });
    const refused = book.handle(second, pod.context(side.clock.nowMs()));
    await expect(refused).rejects.toMatchObject({ name: 'LedgerError', reason: 'unavailable' });
    expect(side.ledgers.current(budget)?.problem?.reason).toBe('unavailable');
    expect((await storedLedger(world, name)).spec.outstanding).toBe('3');
    const again = await book.handle(second, pod.context(side.clock.nowMs()));
    expect(again).toMatchObject({ kind: 'reported', row: { granted: parseAmount('8') } });
    expect(side.ledgers.current(budget)).not.toHaveProperty('problem');
  });

  test('is refused only by what is stored, never by what another operator has made old', async () => {
    const { side, uid } = await world.startWith('10');
    const other = await world.start();
    await other.ledgers.ensureLedger(need('10'), { signal });
    const pod = holder('a');
    await (await bookOf(side, uid)).handle(pod.open(uid), pod.context(side.clock.nowMs()));
    const report = pod.report(uid, { ask: '2' });
    const answer = await (await bookOf(other, uid)).handle(report, pod.context(side.clock.nowMs()));
    expect(answer).toMatchObject({ kind: 'reported', row: { granted: parseAmount('2') } });
  });

  test('notes the end of a token for the newest process alone', async () => {
    const { side, uid, book, name } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    const { key } = holder('a');
    expect(await book.noteToken({ key, incarnation: 1, expires: 1_900_000_000 })).toBe(true);
    expect(await book.noteToken({ key, incarnation: 2, expires: 1_900_000_001 })).toBe(false);
    expect(await book.noteToken({ key: 'pod:other', incarnation: 1, expires: 1_900_000_001 })).toBe(false);
    const { rows } = (await storedLedger(world, name)).spec;
    expect(rows).toContain(' 1900000000 ');
    expect(rows).not.toContain(' 1900000001 ');
  });

  test('that asks for something is put off until the budget was looked at, and its figures are booked all the same', async () => {
    const { side, uid } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    const restarted = await world.start();
    const book = await bookOf(restarted, uid);
    const pod = holder('a');
    const context = pod.context(restarted.clock.nowMs());
    const asking = book.handle(pod.report(uid, { seq: 2, spent: '1', ask: '2' }), context);
    await expect(asking).rejects.toMatchObject({ reason: 'unavailable' });
    const booked = await book.handle(pod.report(uid, { seq: 2, spent: '1' }), context);
    expect(booked).toMatchObject({ kind: 'reported', row: { spent: parseAmount('1') } });
    await restarted.ledgers.ensureLedger(need('10'), { signal });
    const granted = await book.handle(pod.report(uid, { seq: 3, spent: '1', ask: '2' }), context);
    expect(granted).toMatchObject({ kind: 'reported', row: { granted: parseAmount('5') } });
  });

  test('of a budget that is gone is booked without a grant', async () => {
    const { side, uid, book } = await world.startWith('10');
    await ask(side, uid, { name: 'a', amount: '3' });
    side.ledgers.retire(budget);
    const pod = holder('a');
    const answer = await book.handle(
      pod.report(uid, { seq: 2, spent: '1', ask: '2' }),
      pod.context(side.clock.nowMs()),
    );
    expect(answer).toMatchObject({
      kind: 'reported',
      row: { granted: parseAmount('3'), spent: parseAmount('1') },
    });
    expect(side.ledgers.current(budget)).toBeUndefined();
  });

  test('is refused when too many wait, and when the operator stops', async () => {
    const { side, book } = await world.startWith('10');
    const note = { key: 'pod:a', incarnation: 1, expires: 1 };
    const waiting = Array.from({ length: 4096 }, () => book.noteToken(note));
    await expect(book.noteToken(note)).rejects.toMatchObject({ reason: 'overloaded' });
    await Promise.all(waiting);
    const stopped = side.stop();
    await expect(book.noteToken(note)).rejects.toMatchObject({ reason: 'stopping' });
    await stopped;
  });
});

describe('a holder', () => {
  test('that is silent past its deadline has the rest held, and takes it back by a report', async () => {
    const { side, uid, name, book } = await world.startWith('10', { expireEveryMs: 20 });
    await ask(side, uid, { name: 'a', amount: '4' });
    side.clock.aheadMs += 301_000;
    await eventually(async () => side.events.find(({ type }) => type === 'LeaseExpired'), {
      what: 'the lease to expire',
      timeoutMs: 10_000,
    });
    const { spec } = await storedLedger(world, name);
    expect(spec).toMatchObject({ outstanding: '0', held: '4' });
    expect(spec.heldRows).toContain('pod:a lease_expired 1 ');
    const pod = holder('a');
    await book.handle(pod.report(uid, { seq: 2, spent: '1' }), pod.context(side.clock.nowMs()));
    expect((await storedLedger(world, name)).spec).toMatchObject({
      outstanding: '3',
      held: '0',
      settled: '1',
    });
    expect(side.events.map(({ type }) => type)).toEqual(['LeaseExpired', 'LeaseReclaimed']);
  });
});
