import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { periodAt } from '../../accounting/period.ts';
import { holder, need, rule, storedLedger } from './test-ledgers.ts';
import { LedgerWorld, ask, bookOf } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();
const dayMs = 86_400_000;

test('a period that is to end later grants on until then, from the same cap', async () => {
  const { side, uid, name } = await world.startWith('10');
  await ask(side, uid, { name: 'a', amount: '4' });
  const { period } = need('10');
  const longer = { ...period, endMs: period.endMs + 14 * dayMs };
  side.clock.aheadMs = period.endMs + dayMs - Date.now();
  const snapshot = await side.ledgers.ensureLedger(need('10', { period: longer }), { signal });
  expect(snapshot).toMatchObject({ uid, period: longer, outstanding: parseAmount('4') });
  expect((await storedLedger(world, name)).spec).toMatchObject({
    periodEnd: new Date(longer.endMs).toISOString(),
    outstanding: '4',
  });
  const answer = await ask(side, uid, { name: 'b', amount: '5' });
  expect(answer).toMatchObject({ kind: 'reported', row: { granted: parseAmount('5') } });
});

test('a period never ends earlier than it was opened for', async () => {
  const { side } = await world.startWith('10');
  const { period } = need('10');
  const shorter = { ...period, endMs: period.endMs - dayMs };
  expect(await side.ledgers.ensureLedger(need('10', { period: shorter }), { signal })).toMatchObject({
    period,
    seq: 0,
  });
});

test('a request under way when the period changes is booked in its own period, which grants no more', async () => {
  const { side, uid, name } = await world.startWith('10');
  await ask(side, uid, { name: 'a', amount: '4' });
  const next = periodAt(need('10').period.endMs + 1000, rule);
  side.clock.aheadMs = next.startMs + 1000 - Date.now();
  const opened = await side.ledgers.ensureLedger(need('10', { period: next }), { signal });
  expect(opened).toMatchObject({ period: next, settled: 0n, outstanding: 0n });
  expect(opened.uid).not.toBe(uid);
  const pod = holder('a');
  const report = pod.report(uid, { seq: 2, spent: '3', returned: parseAmount('1'), ask: '2' });
  const late = await (await bookOf(side, uid)).handle(report, pod.context(side.clock.nowMs()));
  expect(late).toMatchObject({
    kind: 'reported',
    remainingSeconds: 0,
    row: { granted: parseAmount('4'), spent: parseAmount('3'), returned: parseAmount('1') },
    ledger: { grantable: 0n },
  });
  expect((await storedLedger(world, name)).spec).toMatchObject({ settled: '3', outstanding: '0', held: '0' });
  const fresh = await ask(side, opened.uid, { name: 'a', amount: '10' });
  expect(fresh).toMatchObject({ kind: 'reported', row: { granted: parseAmount('10') } });
});
