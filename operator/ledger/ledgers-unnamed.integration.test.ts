import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { periodAt } from '../../accounting/period.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { budget, holder, need, rule, storedLedger } from './test-ledgers.ts';
import type { LedgerSide } from './test-ledgers.ts';
import { LedgerWorld, ask } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();
const next = periodAt(need('10').period.endMs + 1000, rule);
const root = { namespace: 'platform', name: 'all' };
/** Lease, longest call and more. */
const hourMs = 3_600_000;

/** An operator that is started in the next period, when nobody speaks of the former one any more. */
async function startInNextPeriod(): Promise<LedgerSide> {
  const side = await world.start({ expireEveryMs: 200, tellEveryMs: 200, lookEveryMs: 200 });
  side.clock.aheadMs = next.startMs + hourMs - Date.now();
  return side;
}

async function reaches(name: string, wanted: { outstanding: string; held: string }): Promise<void> {
  await eventually(
    async () => {
      const { outstanding, held } = (await storedLedger(world, name)).spec;
      return outstanding === wanted.outstanding && held === wanted.held ? true : undefined;
    },
    { what: `${name} at ${JSON.stringify(wanted)}`, timeoutMs: 10_000, intervalMs: 50 },
  );
}

test('a lease in a former period is held after a restart, although nobody names its ledger', async () => {
  const { side, uid, name } = await world.startWith('10');
  await ask(side, uid, { name: 'a', amount: '4' });
  await side.stop();
  const restarted = await startInNextPeriod();
  await restarted.ledgers.ensureLedger(need('10', { period: next }), { signal });
  await reaches(name, { outstanding: '0', held: '4' });
  expect(restarted.events.map(({ type }) => type)).toEqual(['LeaseExpired']);
});

test('a lease of a budget that was deleted is held after a restart, in the same period', async () => {
  const { side, uid, name } = await world.startWith('10');
  await ask(side, uid, { name: 'a', amount: '4' });
  await side.stop();
  const restarted = await world.start({ expireEveryMs: 200, lookEveryMs: 200 });
  restarted.budgetsExist = false;
  restarted.clock.aheadMs = hourMs;
  await reaches(name, { outstanding: '0', held: '4' });
  expect(restarted.events.map(({ type }) => type)).toEqual(['LeaseExpired']);
});

test('what a ledger of a former period has of its parent goes back after a restart', async () => {
  const side = await world.start();
  const top = await side.ledgers.ensureLedger(need('100', { budget: root }), { signal });
  const parent = { budget: root, uid: top.uid };
  const below = await side.ledgers.ensureLedger(need('100', { parent }), { signal });
  await ask(side, below.uid, { name: 'a', amount: '4' });
  const pod = holder('a');
  const book = await side.ledgers.find(below.uid, budget, { signal });
  await book?.handle(
    pod.report(below.uid, { seq: 2, spent: '1', returned: parseAmount('3') }),
    pod.context(side.clock.nowMs()),
  );
  await side.stop();
  await startInNextPeriod();
  await reaches(top.name, { outstanding: '0', held: '0' });
  const { settled } = (await storedLedger(world, top.name)).spec;
  expect(settled).toBe('1');
});

test('a ledger in which nothing is out is read once, and again only when it was changed', async () => {
  const { side, name } = await world.startWith('10');
  await side.stop();
  const restarted = await startInNextPeriod();
  const reads = (): number =>
    restarted.proxy.requests.filter((request) => request.startsWith('GET ') && request.includes(name)).length;
  const lists = (): number =>
    restarted.proxy.requests.filter((request) => /^GET .*sapailedgers\?/.test(request)).length;
  await eventually(async () => (lists() >= 4 ? true : undefined), {
    what: 'four looks',
    timeoutMs: 10_000,
    intervalMs: 50,
  });
  expect(reads()).toBe(1);
});
