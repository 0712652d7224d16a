import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../control-plane/eventually.ts';
import { budgetObjects } from '../world/budgets.ts';
import { chat } from '../world/chat.ts';
import type { ChatResult } from '../world/chat.ts';
import { exact } from '../world/exact.ts';
import { readBilled, readLedger, statusShows } from '../world/figures.ts';
import type { Replica } from '../world/replica.ts';
import { type Workload, World } from '../world/world.ts';

const budget = { namespace: 'team-a', name: 'chat' };
/** Replicas wait this long for one another here. */
const leaderSeconds = 3;

let world: World;
let pods: Workload[];

beforeAll(async () => {
  const operatorSettings = { SAPAIBUDGET_LEADER_SECONDS: String(leaderSeconds) };
  world = await World.start({ operators: 3, operatorSettings });
  await world.kubectl(['create', 'namespace', budget.namespace]);
  await world.apply(...budgetObjects({ ...budget, limit: '100', emulatorUrl: world.emulator.url }));
  await world.budgetCondition(budget, 'Ready', 'True');
  const start = (name: string): Promise<Workload> =>
    world.startWorkload({ namespace: budget.namespace, name, budget: budget.name });
  pods = [await start('one'), await start('other')];
}, 240_000);
afterAll(() => world?.stop());

/** The one replica that says it leads, of those that answer. */
function leader({ not }: { not?: Replica } = {}): Promise<Replica> {
  const probe = async (): Promise<Replica | undefined> => {
    const leading: Replica[] = [];
    for (const replica of world.replicas)
      if (replica !== not && (await replica.leads())) leading.push(replica);
    return leading.length === 1 ? leading[0] : undefined;
  };
  return eventually(probe, { what: 'one leader', timeoutMs: 60_000, intervalMs: 200 });
}

function first(of: readonly Workload[]): Workload {
  const [pod] = of;
  if (pod === undefined) throw new RangeError('there are no pods');
  return pod;
}

/** Both pods call all the time while something is done; tells what they saw. */
async function inTraffic(run: () => Promise<void>): Promise<ChatResult[]> {
  const ended = new AbortController();
  const results: ChatResult[] = [];
  const keepCalling = async (pod: Workload): Promise<void> => {
    while (!ended.signal.aborted) {
      results.push(await chat(pod));
      await pause(20);
    }
  };
  const traffic = pods.map(keepCalling);
  try {
    await run();
  } finally {
    ended.abort();
    await Promise.all(traffic);
  }
  return results;
}

/** Sets the limit, and waits until the ledger has it as its cap. */
async function setLimit(limit: string): Promise<void> {
  const patch = JSON.stringify({ spec: { monthlyLimit: limit } });
  await world.kubectl(['patch', 'saib', budget.name, '-n', budget.namespace, '--type=merge', '-p', patch]);
  await eventually(async () => ((await readLedger(world, budget)).cap === limit ? true : undefined), {
    what: `the cap of the ledger to be ${limit}`,
    timeoutMs: 60_000,
  });
}

/** Nothing was refused, and what SAP bills is within what the ledger knows of, which is within the cap. */
async function expectAllServed(results: readonly ChatResult[]): Promise<void> {
  expect(results.length).toBeGreaterThan(4);
  expect(results.filter(({ status }) => status !== 200)).toEqual([]);
  const billed = exact(await readBilled(world.emulator));
  const { settled, held, outstanding, cap } = await readLedger(world, budget);
  const known = exact(settled) + exact(held) + exact(outstanding);
  expect(billed).toBeLessThanOrEqual(known);
  expect(known).toBeLessThanOrEqual(exact(cap));
}

test('a leader that is killed in mid-traffic is followed, and nobody is refused meanwhile', async () => {
  const former = await leader();
  const results = await inTraffic(async () => {
    await former.kill();
    await setLimit('90');
  });
  await expectAllServed(results);
  expect(await (await leader()).leads()).toBe(true);
  await former.start();
  expect(await former.leads()).toBe(false);
}, 180_000);

test('a leader that was stopped beyond its Lease writes nothing as leader when it goes on', async () => {
  const former = await leader();
  const patches = (): Promise<number | undefined> =>
    former.metric('sapaibudget_kubernetes_requests_total', /method="PATCH"/);
  const before = await patches();
  const results = await inTraffic(async () => {
    former.pause();
    const next = await leader({ not: former });
    await setLimit('80');
    former.resume();
    // Its queue is worked on, and others lead on.
    await setLimit('70');
    expect(await next.leads()).toBe(true);
  });
  await expectAllServed(results);
  expect(before).toBeGreaterThan(0);
  expect(await former.leads()).toBe(false);
  expect(await patches()).toBe(before);
  expect((await readLedger(world, budget)).cap).toBe('70');
}, 180_000);

test('a leader that cannot reach the API server stops leading, pods are served by the others, and it comes back', async () => {
  const former = await leader();
  const results = await inTraffic(async () => {
    former.api.set('frozen');
    const next = await leader({ not: former });
    await setLimit('60');
    expect(await former.leads()).toBe(false);
    former.api.set('open');
    expect(await next.leads()).toBe(true);
  });
  await expectAllServed(results);
  const peers = await eventually(
    async () => ((await former.metric('sapaibudget_replicas ')) === 3 ? 3 : undefined),
    { what: 'the former leader to see all replicas again', timeoutMs: 60_000 },
  );
  expect(peers).toBe(3);
}, 180_000);

test('the status follows what other replicas have written, and the limit that is lowered brings back what is idle', async () => {
  await setLimit('100');
  expect((await chat(first(pods), { maxTokens: 400 })).status).toBe(200);
  const before = await readLedger(world, budget);
  expect(exact(before.outstanding)).toBeGreaterThan(0n);
  await statusShows(world, budget, before);
  await setLimit(before.settled);
  const returned = await eventually(
    async () => {
      const { outstanding } = await readLedger(world, budget);
      return outstanding === '0' ? outstanding : undefined;
    },
    { what: 'all that is idle to come back', timeoutMs: 30_000 },
  );
  expect(returned).toBe('0');
}, 180_000);
