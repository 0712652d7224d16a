import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { need, storedLedger } from './test-ledgers.ts';
import { LedgerWorld, ask } from './test-world.ts';

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
