import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plantPriceError } from '../demo/plant.ts';
import type { Application } from '../world/application.ts';
import { budgetObjects } from '../world/budgets.ts';
import { compareBooks, verdictLines } from '../world/comparison.ts';
import { decimalText, exact, sum } from '../world/exact.ts';
import { readLedger } from '../world/figures.ts';
import { reportedLedger, spendAndJudge } from '../world/spending.ts';
import { type Workload, World } from '../world/world.ts';

let world: World;
let application: Application;

beforeAll(async () => {
  world = await World.start();
});

afterAll(async () => {
  await world.stop();
});

async function startIn(namespace: string, limit: string): Promise<Workload> {
  await world.kubectl(['create', 'namespace', namespace]);
  await world.apply(...budgetObjects({ namespace, name: 'chat', limit, emulatorUrl: world.emulator.url }));
  await world.budgetCondition({ namespace, name: 'chat' }, 'Ready', 'True');
  const workload = await world.startWorkload({ namespace, name: 'chat-0', budget: 'chat' });
  application = world.startApplication(workload);
  return workload;
}

/** Ends a workload, and its budget so that another may use the subscription; SAP's books begin anew. */
async function end(namespace: string, workload: Workload): Promise<void> {
  await application.stop();
  await world.programs.end(workload.sidecar.program);
  await world.kubectl(['delete', 'saib', '-n', namespace, 'chat']);
  await world.emulator.reset();
}

describe('a budget that an unmodified client spends to its cap', () => {
  test('holds without refusing, cutting short or hoarding, and every book agrees', async () => {
    const budget = { namespace: 'spends', name: 'chat' };
    const workload = await startIn(budget.namespace, '300m');
    const { verdicts, denial } = await spendAndJudge(world, { budget, workload, application });
    await end(budget.namespace, workload);
    expect(verdictLines(verdicts.filter(({ holds }) => !holds))).toEqual([]);
    expect(denial).toMatchObject({ status: 429, headers: { 'x-should-retry': 'false' } });
    expect(denial?.headers).not.toHaveProperty('retry-after');
  });

  test('turns red when one price is wrong in its fifth decimal', async () => {
    const original = await world.kubectl(['get', 'sairc', 'default', '-o', 'json']);
    await plantPriceError(world);
    const budget = { namespace: 'planted', name: 'chat' };
    const workload = await startIn(budget.namespace, '100m');
    const { evidence } = await spendAndJudge(world, { budget, workload, application });
    await end(budget.namespace, workload);
    await world.kubectl(['replace', '-f', '-'], withoutVersion(original));
    const broken = compareBooks(evidence).filter(({ holds }) => !holds);
    expect(broken.map(({ rule }) => rule)).toEqual([expect.stringContaining('settled − billed')]);
  });

  test.each([
    { fault: 'hidden-tokens', namespace: 'hidden' },
    { fault: 'ignored-limit', namespace: 'ignored' },
  ])(
    'books what $fault cost beyond the reservation as overrun, and closes the route',
    async ({ fault, namespace }) => {
      const budget = { namespace, name: 'chat' };
      const workload = await startIn(namespace, '50');
      const prompt = `How many? [[out=400]][[fault=${fault}]]`;
      const call = { kind: 'json' as const, model: 'gpt-4o', prompt, maxTokens: 40 };
      const first = await application.call(call);
      const second = await application.call({ ...call, prompt: 'How many?' });
      const ledger = await reportedLedger(world, { budget, workload });
      const billed = sum((await world.emulator.entries()).map(({ capacityUnits }) => exact(capacityUnits)));
      await end(namespace, workload);
      const [actual, reserved] = [exact(header(first, 'cu-actual')), exact(header(first, 'cu-reserved'))];
      expect(actual).toBeGreaterThan(reserved);
      expect(ledger.overrun).toBe(decimalText(actual - reserved));
      expect(exact(ledger.settled) - billed).toBeLessThanOrEqual(exact('0.000000001'));
      expect(exact(ledger.settled)).toBeGreaterThanOrEqual(billed);
      expect(second).toMatchObject({ outcome: 'failed', status: 503 });
      expect(JSON.stringify(second.body)).toContain('bound_exceeded');
    },
  );
});

test('a cap lowered below what is spent refuses, which is an event, and a raised one serves again, without a restart', async () => {
  const budget = { namespace: 'capped', name: 'chat' };
  const workload = await startIn(budget.namespace, '10');
  const call = {
    kind: 'json' as const,
    model: 'gpt-4o',
    prompt: 'What is left? [[out=100]]',
    maxTokens: 200,
  };
  expect(await application.call(call)).toMatchObject({ outcome: 'ok' });
  await patchLimit(budget.namespace, '1n');
  await world.budgetCondition(budget, 'Exhausted', 'True');
  await expect.poll(async () => (await application.call(call)).outcome, { timeout: 20_000 }).toBe('denied');
  const reasons = ['get', 'events', '-n', budget.namespace, '-o=jsonpath={.items[*].reason}'];
  await expect.poll(() => world.kubectl(reasons), { timeout: 20_000 }).toContain('RequestNotCovered');
  await patchLimit(budget.namespace, '10');
  await expect.poll(async () => (await application.call(call)).outcome, { timeout: 20_000 }).toBe('ok');
  expect((await readLedger(world, budget)).cap).toBe('10');
  await end(budget.namespace, workload);
});

async function patchLimit(namespace: string, monthlyLimit: string): Promise<void> {
  const patch = JSON.stringify({ spec: { monthlyLimit } });
  await world.kubectl(['patch', 'saib', '-n', namespace, 'chat', '--type=merge', '-p', patch]);
}

function header({ headers }: { headers: Record<string, string> }, name: string): string {
  return headers[`sapaibudget-${name}`] ?? '';
}

/** An object as it was, to be put back over what it is now. */
function withoutVersion(json: string): string {
  return JSON.stringify(JSON.parse(json), (key, value: unknown) =>
    key === 'resourceVersion' || key === 'uid' ? undefined : value,
  );
}
