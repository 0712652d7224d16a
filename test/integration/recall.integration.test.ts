import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { budgetObjects } from '../world/budgets.ts';
import { exact, sum } from '../world/exact.ts';
import { readLedger } from '../world/figures.ts';
import { readStatus } from '../world/sidecar-status.ts';
import { type Workload, World } from '../world/world.ts';

/** What one call came to; amounts are CU as decimal text. */
interface Told {
  status: number;
  reserved: string;
  cutShort: boolean;
  requestedAtLeast: string;
  /** The recall round that a refusal was based on: when it began, by the operator's clock. */
  round: number;
}

const facts = z.object({
  requestedAtLeast: z.string(),
  recallRound: z.number(),
});
const notRefused = { requestedAtLeast: '0', recallRound: 0 };
const refusal = z.object({ error: z.object({ sapaibudget: facts }) });

let world: World;
let started: { namespace: string; pods: Workload[] } | undefined;

beforeAll(async () => {
  world = await World.start();
});
afterEach(async () => {
  if (started === undefined) return;
  const { namespace, pods } = started;
  started = undefined;
  for (const { sidecar } of pods) await world.programs.end(sidecar.program);
  await world.kubectl(['delete', 'saib', '-n', namespace, 'chat']);
});
afterAll(() => world.stop());

/** A budget, and two pods that spend from it. */
async function startPods(namespace: string, limit: string) {
  const budget = { namespace, name: 'chat' };
  await world.kubectl(['create', 'namespace', namespace]);
  await world.apply(...budgetObjects({ ...budget, limit, emulatorUrl: world.emulator.url }));
  await world.budgetCondition(budget, 'Ready', 'True');
  const one = await world.startWorkload({ namespace, name: 'one', budget: 'chat' });
  const other = await world.startWorkload({ namespace, name: 'other', budget: 'chat' });
  started = { namespace, pods: [one, other] };
  return { budget, one, other };
}

async function call({ sidecar }: Workload, maxTokens = 300): Promise<Told> {
  const answer = await fetch(`${sidecar.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${sidecar.budget}.${sidecar.pod.appKey}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      model: 'gpt-4o',
      max_tokens: maxTokens,
      messages: [{ role: 'user', content: 'Which orders are late? [[out=100]]' }],
    }),
    signal: AbortSignal.timeout(30_000),
  });
  const told = refusal.safeParse(await answer.json()).data?.error.sapaibudget ?? notRefused;
  return {
    status: answer.status,
    reserved: answer.headers.get('sapaibudget-cu-reserved') ?? '0',
    cutShort: answer.headers.has('sapaibudget-max-tokens-clamped'),
    requestedAtLeast: told.requestedAtLeast,
    round: told.recallRound,
  };
}

/** A call that is refused, if it is, after a round that began for it: one of the last second may be used at first. */
async function callAnew(pod: Workload): Promise<Told> {
  for (;;) {
    const startedMs = Date.now();
    const told = await call(pod);
    if (told.status !== 429 || told.round >= startedMs) return told;
  }
}

/** What is left of the cap by what the sidecars themselves know, sooner than the ledger does. */
async function unspent(cap: string, pods: readonly Workload[]): Promise<bigint> {
  const known = await Promise.all(pods.map((pod) => readStatus(pod, { name: 'chat' })));
  return exact(cap) - sum(known.flatMap(({ spent, unknown }) => [exact(spent), exact(unknown)]));
}

test('a pod is served from what another one holds and does not use', async () => {
  const { budget, one, other } = await startPods('idles', '12m');
  expect((await call(one)).status).toBe(200);
  const before = await readLedger(world, budget);
  const told = await call(other, 400);
  expect(told).toMatchObject({ status: 200, cutShort: false });
  const available = exact(before.cap) - sum([before.settled, before.outstanding, before.held].map(exact));
  // Otherwise nothing had to be recalled.
  expect(exact(told.reserved)).toBeGreaterThan(available);
});

test('two pods in turn spend a budget to its end, and neither is refused what it could pay for', async () => {
  const cap = '0.03';
  const { budget, one, other } = await startPods('turns', cap);
  const last = new Map<Workload, Told>();
  const phantom: string[] = [];
  let served = 0;
  for (let turn = 0; turn < 100 && last.size < 2; turn += 1) {
    const pod = turn % 2 === 0 ? one : other;
    const told = await callAnew(pod);
    expect([200, 429]).toContain(told.status);
    if (told.status === 200) {
      served += 1;
      continue;
    }
    last.set(pod, told);
    const left = await unspent(cap, [one, other]);
    if (left >= exact(told.requestedAtLeast)) phantom.push(`${told.requestedAtLeast} of ${left}`);
  }
  expect(phantom).toEqual([]);
  expect(served).toBeGreaterThan(10);
  expect(last.size).toBe(2);
  const left = await unspent(cap, [one, other]);
  expect(left).toBeGreaterThanOrEqual(0n);
  expect(left).toBeLessThan(exact(last.get(one)?.requestedAtLeast ?? '0'));
  expect((await readLedger(world, budget)).overrun).toBe('0');
});

test('a cap lowered below what is spent takes back what pods hold, also from one that goes on asking', async () => {
  const { budget, one, other } = await startPods('lowered', '10');
  for (const pod of [one, other]) expect((await call(pod)).status).toBe(200);
  expect(exact((await readLedger(world, budget)).outstanding)).toBeGreaterThan(0n);
  const stop = new AbortController();
  const traffic = (async () => {
    const statuses: number[] = [];
    while (!stop.signal.aborted) statuses.push((await call(one)).status);
    return statuses;
  })();
  const patch = '{"spec":{"monthlyLimit":"1n"}}';
  await world.kubectl(['patch', 'saib', '-n', budget.namespace, 'chat', '--type=merge', '-p', patch]);
  await world.budgetCondition(budget, 'Overcommitted', 'True');
  // One pod is asked all the time, and the other one is silent: both give back long before an idle lease would be.
  await expect.poll(async () => (await readLedger(world, budget)).outstanding, { timeout: 15_000 }).toBe('0');
  const { settled } = await readLedger(world, budget);
  for (const pod of [one, other, one, other]) expect((await call(pod)).status).toBe(429);
  stop.abort();
  const statuses = await traffic;
  expect(statuses.slice(statuses.indexOf(429)).every((status) => status === 429)).toBe(true);
  expect((await readLedger(world, budget)).settled).toBe(settled);
});

test('a pod that does not answer is not waited for, and is asked again the next time', async () => {
  const { budget, one, other } = await startPods('silent', '12m');
  expect((await call(one)).status).toBe(200);
  world.programs.signal(one.sidecar.program, 'SIGSTOP');
  try {
    // What is free pays for a shorter answer.
    expect(await call(other, 400)).toMatchObject({ status: 200, cutShort: true });
    // From now on all or nothing: what is tried too early costs nothing.
    const patch = '{"spec":{"outputTokens":{"minimum":400}}}';
    await world.kubectl(['patch', 'saib', '-n', budget.namespace, 'chat', '--type=merge', '-p', patch]);
    await world.budgetCondition(budget, 'Ready', 'True');
  } finally {
    world.programs.signal(one.sidecar.program, 'SIGCONT');
  }
  await expect
    .poll(() => call(other, 400), { timeout: 60_000 })
    .toMatchObject({ status: 200, cutShort: false });
});

test('two pods that both wait are served from what each gave up, as far as it goes', async () => {
  const { one, other } = await startPods('both', '12m');
  for (const pod of [one, other]) expect((await call(pod, 50)).status).toBe(200);
  const both = await Promise.all([call(one, 400), call(other, 400)]);
  expect(both.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  for (const { cutShort } of both) expect(cutShort).toBe(false);
});
