import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { periodAt } from '../../accounting/period.ts';
import { KubeClient } from '../kube/client.ts';
import { ledgerResource, pagesOf } from '../ledger/ledger-store.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import { editLedger, holder, need, rule } from '../ledger/test-ledgers.ts';
import type { LedgerSide } from '../ledger/test-ledgers.ts';
import { LedgerWorld } from '../ledger/test-world.ts';
import { statementName, writeStatement } from '../usage/statement-store.ts';
import { addMonths } from './decide.ts';
import { LedgerRetention } from './ledger-retention.ts';

const world = LedgerWorld.forFile();
const { signal } = new AbortController();
const keepMonths = 12;
const { period } = need('10');
const dayMs = 86_400_000;

const chat = () => ({ namespace: world.namespace, name: 'chat' });
const root = () => ({ namespace: world.namespace, name: 'all' });

interface Keeper {
  retention: LedgerRetention;
  deleted: string[];
}

/** The part of a side that deletes, by a clock of its own. */
async function keeperOf(side: LedgerSide, work: (keeper: Keeper, kube: KubeClient) => Promise<void>) {
  const kube = new KubeClient(side.proxy.kubeConfig(), { fieldManager: 'test' });
  const deleted: string[] = [];
  const retention = new LedgerRetention({
    kube,
    store: side.store,
    clock: side.clock,
    keepMonths,
    onDeleted: ({ ledger }) => deleted.push(ledger),
    onFailure: (failure) => side.failures.push(failure),
    signal,
  });
  try {
    await work({ retention, deleted }, kube);
  } finally {
    await kube.close();
  }
}

/** A pod that was granted 4 CU and has spent 3 of them; it gave the rest back. */
async function spendThree(side: LedgerSide, { uid, budget }: LedgerSnapshot): Promise<void> {
  const pod = holder('a');
  const book = await side.ledgers.find(uid, budget, { signal });
  if (book === undefined) throw new Error('no ledger');
  const send = (message: Parameters<typeof book.handle>[0]) =>
    book.handle(message, pod.context(side.clock.nowMs()));
  await send(pod.open(uid));
  await send(pod.report(uid, { ask: '4' }));
  await send(pod.report(uid, { seq: 2, spent: '3', returned: parseAmount('1') }));
}

const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

async function closeStatement(kube: KubeClient, { budget }: LedgerSnapshot, metered: string): Promise<void> {
  const { namespace } = budget;
  const spec = {
    budget: budget.name,
    period: period.name,
    periodStart: iso(period.startMs),
    periodEnd: iso(period.endMs),
    subaccountId: 'a',
  };
  const totals = { metered, meteredByDay: metered, held: '0' };
  const name = statementName(budget, period.name);
  await writeStatement(kube, { namespace, name, spec, status: { closed: true, totals } }, { signal });
}

function waitUntil(side: LedgerSide, ms: number): void {
  side.clock.aheadMs = ms - Date.now();
}
const old = addMonths(period.endMs, keepMonths) + dayMs;

async function namesOf(side: LedgerSide): Promise<string[]> {
  return (await side.store.list({ signal })).map(({ name }) => name);
}

test('a ledger is deleted once it was kept for long enough, and its pages with it', async () => {
  const side = await world.start();
  const ledger = await side.ledgers.ensureLedger(need('10', { budget: chat() }), { signal });
  await spendThree(side, ledger);
  const page = (end: string) => ({ name: `${ledger.name}.${end}`, entries: new Map() });
  const stored = await side.store.read(ledger.name, { signal });
  if (stored === undefined) throw new Error('no ledger');
  await side.store.pages.create(pagesOf(stored), page('0a1b2c3d'), { signal });
  // As one is left by an operator that was killed between the two.
  await side.store.pages.create({ ledger: ledger.name, labels: {} }, page('lost'), { signal });
  await keeperOf(side, async ({ retention, deleted }, kube) => {
    await retention.round();
    waitUntil(side, old);
    await retention.round();
    expect(deleted).toEqual([]);
    await closeStatement(kube, ledger, '3');
    waitUntil(side, old - 2 * dayMs);
    await retention.round();
    expect(await namesOf(side)).toEqual([ledger.name]);
    waitUntil(side, old);
    await retention.round();
    expect(deleted).toEqual([ledger.name]);
    expect(await namesOf(side)).toEqual([]);
    expect(await side.store.pages.list({ signal })).toEqual([
      { name: `${ledger.name}.lost`, ledger: ledger.name },
    ]);
    waitUntil(side, addMonths(old, 3));
    await retention.round();
    expect(await side.store.pages.list({ signal })).toEqual([]);
  });
  expect(side.failures).toEqual([]);
});

test('a report that comes after that is answered that there is no such ledger, by every replica, and none is opened', async () => {
  const side = await world.start();
  const other = await world.start();
  const wanted = need('10', { budget: chat() });
  const ledger = await side.ledgers.ensureLedger(wanted, { signal });
  await spendThree(side, ledger);
  const atHand = await other.ledgers.find(ledger.uid, chat(), { signal });
  for (const each of [side, other]) waitUntil(each, old);
  const today = need('10', { budget: chat(), period: periodAt(old, rule) });
  const now = await side.ledgers.ensureLedger(today, { signal });
  await other.ledgers.adoptLedger(today, { signal });
  await keeperOf(side, async ({ retention, deleted }, kube) => {
    await closeStatement(kube, ledger, '3');
    await retention.round();
    expect(deleted).toEqual([ledger.name]);
  });
  const pod = holder('a');
  const late = pod.report(ledger.uid, { seq: 3, spent: '4', returned: parseAmount('1') });
  for (const { ledgers, clock } of [side, other]) {
    const book = await ledgers.find(ledger.uid, chat(), { signal });
    await expect(book?.handle(late, pod.context(clock.nowMs()))).rejects.toMatchObject({ reason: 'lost' });
    expect(await ledgers.find(ledger.uid, chat(), { signal })).toBeUndefined();
  }
  expect(atHand).toBeDefined();
  await expect(side.ledgers.ensureLedger(wanted, { signal })).rejects.toMatchObject({
    reason: 'period_over',
  });
  expect(await namesOf(side)).toEqual([now.name]);
});

test('a ledger above stays until those below it are gone', async () => {
  const side = await world.start();
  const top = await side.ledgers.ensureLedger(need('100', { budget: root() }), { signal });
  const below = await side.ledgers.ensureLedger(
    need('10', { budget: chat(), parent: { budget: root(), uid: top.uid } }),
    { signal },
  );
  await spendThree(side, below);
  waitUntil(side, old);
  side.budgetsExist = false;
  side.ledgers.retire(chat());
  await (await side.ledgers.find(below.uid, chat(), { signal }))?.tellParent();
  await keeperOf(side, async ({ retention, deleted }, kube) => {
    await closeStatement(kube, top, '3');
    await retention.round();
    expect(deleted).toEqual([]);
    await closeStatement(kube, below, '3');
    await retention.round();
    await retention.round();
    expect(deleted).toEqual([below.name, top.name]);
  });
});

test('a ledger that was written since it was read stays', async () => {
  const side = await world.start();
  const { name } = await side.ledgers.ensureLedger(need('10', { budget: chat() }), { signal });
  const read = await side.store.read(name, { signal });
  if (read === undefined) throw new Error('no ledger');
  await editLedger(world, { name, spec: { seq: 7 } });
  await expect(side.store.delete(read, { signal })).rejects.toMatchObject({ reason: 'Conflict' });
  await expect(side.store.delete({ ...read, uid: 'another' }, { signal })).rejects.toMatchObject({
    reason: 'Conflict',
  });
  expect(await namesOf(side)).toEqual([name]);
});

test('what cannot be deleted is told, and what was left is deleted later', async () => {
  const side = await world.start();
  const ledger = await side.ledgers.ensureLedger(need('10', { budget: chat() }), { signal });
  await spendThree(side, ledger);
  waitUntil(side, old);
  const forbidden = { status: 403, body: { kind: 'Status', code: 403, message: 'no' } };
  side.proxy.inject({ on: `/${ledgerResource.plural}/`, answer: forbidden });
  await keeperOf(side, async ({ retention, deleted }, kube) => {
    await closeStatement(kube, ledger, '3');
    await retention.round();
    expect(side.failures).toMatchObject([{ upkeep: 'delete_ledger', ledger: ledger.name }]);
    await retention.round();
    expect(deleted).toEqual([ledger.name]);
  });
});
