import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatAmount, parseAmount } from '../../accounting/amount.ts';
import { utcDay } from '../../accounting/metered-usage.ts';
import { changeRow, emptyRow, ledgerKey, meter, newLedger } from '../../accounting/ledger.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { openInParent, reportToParent, takeParentAnswer } from '../../accounting/parent-lease.ts';
import { periodAt } from '../../accounting/period.ts';
import type { Period } from '../../accounting/period.ts';
import type { SapAiStatement, SapAiStatementStatus } from '../../crds/statement.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import type { Emulator } from '../../test/sap-emulator/emulator.ts';
import { ask, connect } from '../../test/sap-emulator/test-client.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { events } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { fittingText, LedgerStore } from '../ledger/ledger-store.ts';
import type { StoredLedger } from '../ledger/ledger-store.ts';
import { startBudgetWorld } from '../testing/budget-world.ts';
import type { BudgetWorld } from '../testing/budget-world.ts';
import { monthsBetween } from './days.ts';
import { daysOfPeriod } from './final-usage.ts';
import { statementName, statementResource } from './statement-store.ts';
import { pollNow, stageUsage } from './testing/stage-usage.ts';

const dayMs = 86_400_000;
const model = { model: 'gpt-4o-mini', version: '2024-07-18' };
/** Every call is of this size. */
const tokens = { input: 100, output: 50 };
const cu = parseAmount;

let world: BudgetWorld;
beforeAll(async () => {
  world = await startBudgetWorld();
});
afterAll(() => world?.stop());

interface KubeEvent extends KubeObject {
  reason: string;
  note: string;
}
interface Scene {
  namespace: string;
  emulator: Emulator;
  period: Period;
  /** So many calls on the fifth day of the period; resolves to what SAP bills for them, nano-CU. */
  call: (times: number) => Promise<bigint>;
  store: LedgerStore;
  origin: { createdFor: string; timeZone: string; startDay: number };
}

/** A budget whose former period ended some ten days ago, without a ledger of it or, for 2, of the one before. */
async function stage(periodsAgo = 1): Promise<Scene> {
  const startDay = Math.min(28, new Date(Date.now() - 10 * dayMs).getUTCDate());
  const rule = { timeZone: 'Etc/UTC', startDay };
  let period = periodAt(Date.now(), rule);
  for (let ago = 0; ago < periodsAgo; ago += 1) period = periodAt(period.startMs - 1, rule);
  let nowMs = period.endMs - 1;
  const { namespace, emulator } = await stageUsage(world, {
    emulator: { now: () => nowMs },
    spec: { period: rule },
  });
  const { kube, namespace: ownNamespace } = world.fixture;
  const text = `[[in=${tokens.input}]] [[out=${tokens.output}]] ${'a word or two '.repeat(40)}`;
  const call = async (times: number): Promise<bigint> => {
    const before = billedBy(emulator);
    for (let calls = 0; calls < times; calls += 1)
      await (await (await connect(emulator)).chat(ask(text))).text();
    return billedBy(emulator) - before;
  };
  // There is no bill of a month in which nothing was used.
  await call(1);
  nowMs = callsMs(period);
  return {
    namespace,
    emulator,
    period,
    call,
    store: new LedgerStore({ kube, namespace: ownNamespace }),
    origin: { createdFor: 'uid', ...rule },
  };
}

function callsMs({ startMs }: Period): number {
  return startMs + 5 * dayMs;
}

/** Calls that were metered, and what a rate card made of them. */
function meterCalls(ledger: Ledger, calls: number, spent: bigint): void {
  const counts = { input: calls * tokens.input, cacheRead: 0, output: calls * tokens.output };
  meter(ledger, [{ day: utcDay(callsMs(ledger.period)), ...model, ...counts, spent }]);
  const empty = emptyRow({ key: 'pod:known', name: 'team-a/known', state: 'open' });
  changeRow(ledger, empty, (row) => Object.assign(row, { granted: spent, spent }));
}

/** The one call on the last day is metered as it was billed. */
function meterLastCall(ledger: Ledger): void {
  const day = utcDay(ledger.period.endMs - 1);
  meter(ledger, [{ day, ...model, ...tokens, cacheRead: 0, spent: 0n }]);
}

/** A holder that was lost on the n-th day, with that much of its lease unused. */
function lose(ledger: Ledger, key: string, { held, day }: { held: string; day: number }): void {
  const expires = ledger.period.startMs / 1000 + day * 86_400;
  const empty = emptyRow({ key, name: 'team-a/lost', state: 'expired' });
  changeRow(ledger, empty, (row) =>
    Object.assign(row, { granted: cu(held), expires, tokenExpires: expires + 3600 }),
  );
}

function bill({ emulator, period }: Scene): void {
  for (const month of monthsBetween(daysOfPeriod(period))) emulator.closeMonth(month);
}

/** The statement of the period, once it is as wanted; a poll is asked for. */
async function told(
  { namespace, period }: Scene,
  wanted: (status: SapAiStatementStatus) => boolean,
  of: BudgetRef = { namespace, name: 'main' },
): Promise<SapAiStatementStatus> {
  await pollNow(world, namespace);
  const address = { namespace: of.namespace, name: `${of.name}-${period.name}` };
  return eventually(
    async () => {
      const found = await world.fixture.kube.get<SapAiStatement & KubeObject>(statementResource, address);
      return found?.status && wanted(found.status) ? found.status : undefined;
    },
    { what: `the statement ${address.name}`, timeoutMs: 30_000, intervalMs: 200 },
  );
}

/** On the day of the calls as much was billed as metered, by the statement's own line. */
function hidesTheGap({ days = '' }: SapAiStatementStatus, period: Period): boolean {
  const line = days.split('\n').find((each) => each.startsWith(utcDay(callsMs(period))));
  const fields = line?.split(' ') ?? [];
  return fields.length === 10 && fields[6] === fields[9];
}

const isClosed = (status: SapAiStatementStatus): boolean => status.closed === true;

/** All that an emulator billed so far, nano-CU. */
function billedBy(emulator: Emulator): bigint {
  const [whole = '0', part = ''] = emulator.books.read().totals.capacityUnits.split('.');
  return BigInt(whole + part.padEnd(9, '0').slice(0, 9)) + (Number(part[9] ?? '0') >= 5 ? 1n : 0n);
}

/** Twice the share that some of all calls of a day have, rounded up. */
function gapOf(billed: bigint, { unmetered, calls }: { unmetered: number; calls: number }): bigint {
  return (billed * 2n * BigInt(unmetered) + BigInt(calls - 1)) / BigInt(calls);
}

describe('a period that SAP has billed', () => {
  test('releases what its usage leaves no room for, though a rate card that is too dear hides the difference', async () => {
    const scene = await stage();
    // Five calls are metered as if they had cost what SAP billed for six: the one of a lost holder is not to be seen.
    const billed = await scene.call(6);
    const budget = { namespace: scene.namespace, name: 'main' };
    const ledger = newLedger({ budget, period: scene.period, cap: cu('10') });
    meterLastCall(ledger);
    meterCalls(ledger, 5, billed);
    lose(ledger, 'pod:old', { held: '0.75', day: 5 });
    lose(ledger, 'pod:young', { held: '1.25', day: 9 });
    await scene.store.create(ledger, scene.origin);
    scene.emulator.closeDay(utcDay(scene.period.endMs - 1));

    const waiting = await told(scene, ({ closing }) => closing !== undefined);
    expect(waiting).toMatchObject({ closed: false, totals: { held: '2', released: '0' } });
    expect(hidesTheGap(waiting, scene.period)).toBe(true);
    expect(waiting.closing).toMatchObject({ evidence: 'Pending' });
    expect(waiting.closing?.message).toMatch(/SAP has not billed \d{4}-\d{2} yet/);

    bill(scene);
    const closed = await told(scene, isClosed);
    const gap = gapOf(billed, { unmetered: 1, calls: 6 });
    const released = formatAmount(cu('2') - gap);
    expect(closed.closing).toMatchObject({
      evidence: 'FinalUsage',
      gap: formatAmount(gap),
      settled: formatAmount(gap),
      released,
    });
    expect(closed.totals).toMatchObject({
      held: '0',
      released,
      metered: formatAmount(billed + gap),
    });
    const stored = await scene.store.read(`${scene.namespace}.main.${scene.period.name}`);
    expect(stored?.ledger.rows.get('pod:old')).toMatchObject({ spent: gap, state: 'released' });
    expect(stored?.ledger.rows.get('pod:young')).toMatchObject({ spent: 0n, released: cu('1.25') });
    expect(await noteOf(scene.namespace, 'HeldSettled')).toBe(
      `The period is closed: of 2 CU that were still held ${formatAmount(gap)} are booked as spent, the rest is released: SAP's final usage leaves no room for it.`,
    );
  });

  test('has one gap for a budget and those below it, and calls past the sidecars fill it', async () => {
    const scene = await stage();
    const billed = await scene.call(8);
    const below = { namespace: await world.fixture.createNamespace(), name: 'share' };
    const { root, child } = await stageTree(scene, below);
    meterLastCall(root.ledger);
    // Three calls are metered in each; one was a lost holder's, one went past the sidecars.
    meterCalls(root.ledger, 3, cu('0.5'));
    meterCalls(child.ledger, 3, cu('0.5'));
    const gap = gapOf(billed, { unmetered: 2, calls: 8 });
    const [whole, part] = [formatAmount(gap / 2n), formatAmount(gap)];
    lose(child.ledger, 'pod:below', { held: whole, day: 6 });
    lose(root.ledger, 'pod:above', { held: part, day: 6 });
    await keepTree(scene, { root, child });
    bill(scene);
    const closed = await told(scene, isClosed);
    const rest = gap - gap / 2n;
    expect(closed.closing).toMatchObject({
      evidence: 'FinalUsage',
      gap: part,
      settled: formatAmount(rest),
      released: formatAmount(gap - rest),
    });
    const share = await told(scene, isClosed, below);
    expect(share.closing).toMatchObject({ evidence: 'FinalUsage', settled: whole, released: '0' });
    expect(share.totals).toMatchObject({ held: '0', released: '0' });
    // The root has heard of what was settled below.
    expect(closed.totals).toMatchObject({ held: '0', metered: formatAmount(cu('1') + gap) });
  });

  test('is closed once the statements of all below are, and says still what was found', async () => {
    const scene = await stage();
    const billed = await scene.call(1);
    const below = { namespace: await world.fixture.createNamespace(), name: 'share' };
    await keepLost(scene, below);
    const address = { namespace: below.namespace, name: statementName(below, scene.period.name) };
    await occupy(scene, address);
    bill(scene);
    const open = await told(scene, ({ closing }) => closing?.evidence === 'FinalUsage');
    expect(open).toMatchObject({ closed: false, totals: { held: '0' } });
    await world.fixture.kube.delete(statementResource, address);
    const closed = await told(scene, isClosed);
    expect(closed.closing).toEqual(open.closing);
    const share = await told(scene, isClosed, below);
    expect(share).toMatchObject({
      totals: { metered: formatAmount(gapOf(billed, { unmetered: 1, calls: 1 })) },
    });
  });

  test('is closed though the namespace of a budget below is gone', async () => {
    const scene = await stage();
    await scene.call(1);
    await keepLost(scene, { namespace: `${scene.namespace}-gone`, name: 'share' });
    bill(scene);
    const { closing } = await told(scene, isClosed);
    expect(closing).toMatchObject({ evidence: 'FinalUsage' });
  });

  test('is closed also when another period has ended meanwhile', async () => {
    const scene = await stage(2);
    const budget = { namespace: scene.namespace, name: 'main' };
    const ledger = newLedger({ budget, period: scene.period, cap: cu('10') });
    await scene.call(1);
    meterLastCall(ledger);
    meterCalls(ledger, 1, cu('0.5'));
    lose(ledger, 'pod:old', { held: '0.75', day: 5 });
    await scene.store.create(ledger, scene.origin);
    bill(scene);
    const { closing } = await told(scene, isClosed);
    expect(closing).toMatchObject({ evidence: 'FinalUsage', gap: '0', settled: '0', released: '0.75' });
  });

  test('settles all as spent where SAP has fewer tokens than were metered', async () => {
    const scene = await stage();
    const billed = await scene.call(1);
    const budget = { namespace: scene.namespace, name: 'main' };
    const ledger = newLedger({ budget, period: scene.period, cap: cu('10') });
    meterLastCall(ledger);
    meterCalls(ledger, 2, billed);
    lose(ledger, 'pod:old', { held: '0.75', day: 5 });
    await scene.store.create(ledger, scene.origin);
    bill(scene);
    const { closing, totals } = await told(scene, isClosed);
    expect(closing).toMatchObject({ evidence: 'None', settled: '0.75', released: '0' });
    expect(closing?.message).toContain('SAP has fewer tokens of gpt-4o-mini 2024-07-18 than were metered');
    expect(totals).toMatchObject({ held: '0', metered: formatAmount(billed + cu('0.75')) });
  });
});

interface Tree {
  root: StoredLedger;
  child: StoredLedger;
}

/** A ledger and one that is a holder in it, with a lease of 5 CU. */
async function stageTree({ store, origin, namespace, period }: Scene, below: BudgetRef): Promise<Tree> {
  const budget = { namespace, name: 'main' };
  const root = await store.create(newLedger({ budget, period, cap: cu('10') }), origin);
  const parent = { budget, ledgerUid: root.uid };
  const child = await store.create(newLedger({ budget: below, period, cap: cu('10'), parent }), origin);
  tell({ root, child });
  tell({ root, child }, cu('5'));
  return { root, child };
}

function tell({ root, child }: Tree, amount?: bigint): void {
  const request =
    amount === undefined
      ? openInParent(child.ledger)
      : reportToParent(child.ledger, { need: amount, want: amount });
  if (request === undefined) throw new Error('the child has no parent');
  const { answer } = handleLeaseRequest(root.ledger, request, {
    key: ledgerKey(child.uid),
    name: `${child.ledger.budget.namespace}/${child.ledger.budget.name}`,
    nowMs: root.ledger.period.startMs + dayMs,
    leaseSeconds: 300,
    mayGrant: true,
  });
  takeParentAnswer(child.ledger, answer);
}

/** A tree in which a holder below was lost; nothing but the last call is metered. */
async function keepLost(scene: Scene, below: BudgetRef): Promise<void> {
  const tree = await stageTree(scene, below);
  meterLastCall(tree.root.ledger);
  lose(tree.child.ledger, 'pod:below', { held: '4', day: 6 });
  await keepTree(scene, tree);
}

/** Keeps a statement from being written: there is one of that name, of another budget. */
async function occupy({ period }: Scene, metadata: { namespace: string; name: string }): Promise<void> {
  const [periodStart, periodEnd] = [period.startMs, period.endMs].map(
    (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`,
  );
  const spec = { budget: 'another', period: period.name, periodStart, periodEnd, subaccountId: 'none' };
  await world.fixture.kube.create(statementResource, { metadata, spec });
}

async function keepTree({ store }: Scene, { root, child }: Tree): Promise<void> {
  tell({ root, child }, 0n);
  for (const stored of [root, child]) {
    const { ledger, pages } = stored;
    await store.replace(stored, { ledger, text: fittingText(ledger), pages });
  }
}

async function noteOf(namespace: string, reason: string): Promise<string | undefined> {
  const event = await eventually(
    async () => {
      const { items } = await world.fixture.kube.list<KubeEvent>(events, { namespace });
      return items.find((each) => each.reason === reason);
    },
    { what: `the event ${reason}`, timeoutMs: 20_000, intervalMs: 100 },
  );
  return event.note;
}
