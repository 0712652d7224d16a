import { describe, expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { budget, holder, need, storedLedger } from './test-ledgers.ts';
import type { LedgerSide } from './test-ledgers.ts';
import { LedgerWorld, ask, bookOf } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();

/** Another replica, which does not lead. */
async function startFollower(): Promise<LedgerSide> {
  const side = await world.start();
  side.role.leading = false;
  return side;
}

describe('a replica that does not lead', () => {
  test('grants from a ledger that it has never seen, by the cap that is stored there', async () => {
    const { uid, name } = await world.startWith('10');
    const follower = await startFollower();
    const adopted = await follower.ledgers.adoptLedger(need('2500'), { signal });
    expect(adopted).toMatchObject({ uid, cap: parseAmount('10') });
    const answer = await ask(follower, uid, { name: 'a', amount: '11' });
    expect(answer).toMatchObject({ kind: 'reported', row: { granted: 0n } });
    expect((await storedLedger(world, name)).spec).toMatchObject({ cap: '10', outstanding: '0' });
  });

  test('makes no ledger, and copies no cap', async () => {
    const follower = await startFollower();
    expect(await follower.ledgers.adoptLedger(need('10'), { signal })).toBeUndefined();
    await expect(follower.ledgers.ensureLedger(need('10'), { signal })).rejects.toMatchObject({
      reason: 'not_leading',
    });
    const { name } = await world.startWith('10');
    await expect(follower.ledgers.ensureLedger(need('2500'), { signal })).rejects.toMatchObject({
      reason: 'not_leading',
    });
    expect((await storedLedger(world, name)).spec.cap).toBe('10');
    expect(follower.proxy.requests.filter((line) => !line.startsWith('GET'))).toEqual([]);
  });

  test('does not grant by a cap that the leader has lowered meanwhile', async () => {
    const { side, uid, name } = await world.startWith('2500');
    const follower = await startFollower();
    await follower.ledgers.adoptLedger(need('2500'), { signal });
    await ask(follower, uid, { name: 'a', amount: '400' });
    await side.ledgers.ensureLedger(need('500'), { signal });
    const pod = holder('a');
    const book = await bookOf(follower, uid);
    const more = await book.handle(pod.report(uid, { seq: 2, ask: '200' }), pod.context(side.clock.nowMs()));
    expect(more).toMatchObject({ kind: 'reported', row: { granted: parseAmount('400') } });
    expect((await storedLedger(world, name)).spec).toMatchObject({ cap: '500', outstanding: '400' });
  });

  test('knows a holder whose row another replica has made', async () => {
    const { side, uid } = await world.startWith('10');
    const follower = await startFollower();
    await follower.ledgers.adoptLedger(need('10'), { signal });
    await ask(side, uid, { name: 'a', amount: '1' });
    const book = await bookOf(follower, uid);
    expect(await book.hasRow(holder('a').key)).toBe(true);
    expect(await book.hasRow(holder('b').key)).toBe(false);
  });

  test('notes no token of a process that another replica has seen followed by a newer one', async () => {
    const { side, uid, book } = await world.startWith('10');
    const pod = holder('a');
    const expires = Math.floor(side.clock.nowMs() / 1000) + 600;
    await book.handle(pod.open(uid), pod.context(side.clock.nowMs()));
    const follower = await startFollower();
    await follower.ledgers.adoptLedger(need('10'), { signal });
    const there = await bookOf(follower, uid);
    expect(await there.noteToken({ key: pod.key, incarnation: 1, expires })).toBe(true);
    await book.handle(pod.open(uid, '00000000000000bb'), pod.context(side.clock.nowMs()));
    expect(await there.noteToken({ key: pod.key, incarnation: 1, expires })).toBe(false);
  });

  test('answers a repeated message with what the ledger has now', async () => {
    const { side, uid } = await world.startWith('10');
    const follower = await startFollower();
    await follower.ledgers.adoptLedger(need('10'), { signal });
    const pod = holder('a');
    const report = pod.report(uid, { ask: '4' });
    await ask(follower, uid, { name: 'a', amount: '4' });
    await ask(side, uid, { name: 'b', amount: '5' });
    const book = await bookOf(follower, uid);
    const answer = await book.handle(report, pod.context(side.clock.nowMs()));
    expect(answer).toMatchObject({
      kind: 'reported',
      row: { granted: parseAmount('4') },
      ledger: { outstanding: parseAmount('9') },
    });
  });

  test('expires nobody', async () => {
    const { uid, name } = await world.startWith('10');
    const follower = await world.start({ expireEveryMs: 20 });
    follower.role.leading = false;
    await follower.ledgers.adoptLedger(need('10'), { signal });
    await ask(follower, uid, { name: 'a', amount: '4' });
    follower.clock.aheadMs = 3_600_000;
    const untilMs = performance.now() + 200;
    await eventually(async () => (performance.now() > untilMs ? true : undefined), {
      what: 'several rounds in which silent holders are looked for',
      timeoutMs: 10_000,
    });
    const before = follower.writes.length;
    follower.role.leading = true;
    await eventually(async () => (follower.writes.length > before ? true : undefined), {
      what: 'the leader to expire the row',
      timeoutMs: 10_000,
    });
    expect(before).toBe(2);
    expect((await storedLedger(world, name)).spec).toMatchObject({ outstanding: '0', held: '4' });
  });
});

describe('a leader', () => {
  test('finds out what other replicas have granted, and expires it', async () => {
    const { side, uid, name } = await world.startWith('10', { expireEveryMs: 20 });
    const follower = await startFollower();
    await follower.ledgers.adoptLedger(need('10'), { signal });
    await ask(follower, uid, { name: 'a', amount: '4' });
    expect(side.ledgers.current(budget)?.outstanding).toBe(0n);
    side.role.hasPeers = true;
    // Older than what is granted lasts, and than what it may know.
    side.clock.aheadMs = 3_600_000;
    await eventually(
      async () => (side.ledgers.current(budget)?.held === parseAmount('4') ? true : undefined),
      {
        what: 'the row to expire',
        timeoutMs: 10_000,
      },
    );
    expect((await storedLedger(world, name)).spec).toMatchObject({ outstanding: '0', held: '4' });
  });

  test('writes a ledger once when its term begins, so that no older write can be stored after that', async () => {
    const { side, name } = await world.startWith('10');
    const seqAfter = async (): Promise<number> => {
      await side.ledgers.ensureLedger(need('10'), { signal });
      return (await storedLedger(world, name)).spec.seq;
    };
    expect(await seqAfter()).toBe(0);
    side.role.term = 1;
    expect([await seqAfter(), await seqAfter()]).toEqual([1, 1]);
  });
});

test('three replicas that grant at the same time pass the cap by nothing and leave nothing over', async () => {
  const { side, uid, name } = await world.startWith('20');
  const others = [await startFollower(), await startFollower()];
  for (const other of others) await other.ledgers.adoptLedger(need('20'), { signal });
  const replicas = [side, ...others];
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      ask(replicas[index % 3] ?? side, uid, { name: `holder-${index}`, amount: '1' }),
    ),
  );
  const granted = answers.filter((answer) => answer.kind === 'reported' && answer.row.granted > 0n);
  expect(granted).toHaveLength(20);
  expect((await storedLedger(world, name)).spec).toMatchObject({ outstanding: '20', settled: '0' });
});
