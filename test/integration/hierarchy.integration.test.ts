import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Application } from '../world/application.ts';
import { budgetObjects } from '../world/budgets.ts';
import { decimalText, exact, sum } from '../world/exact.ts';
import { readLedger } from '../world/figures.ts';
import { World } from '../world/world.ts';

let world: World;
let noisy: Application;
let quiet: Application;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world?.stop());

const root = { namespace: 'platform', name: 'all' };
/** What one call reserves is a small part of the caps here. */
const call = {
  kind: 'json' as const,
  model: 'gpt-4o',
  prompt: 'What is left? [[out=100]]',
  maxTokens: 120,
};
const mostCalls = 300;

function share(namespace: string, spec: object): object {
  return {
    apiVersion: 'sapai.eerly.ai/v1alpha1',
    kind: 'SapAiBudget',
    metadata: { name: 'chat', namespace },
    spec: { parentRef: root, ...spec },
  };
}

/** A team's budget, pod, sidecar and application. */
async function team(namespace: string, spec: object): Promise<Application> {
  await world.kubectl(['create', 'namespace', namespace]);
  await world.apply(share(namespace, spec));
  await world.budgetCondition({ namespace, name: 'chat' }, 'Ready', 'True');
  const workload = await world.startWorkload({ namespace, name: 'chat-0', budget: 'chat' });
  return world.startApplication(workload);
}

/** Calls until one is refused; resolves to what that said and reserved. */
async function spendAll(application: Application): Promise<Record<string, string>> {
  for (let count = 0; count < mostCalls; count += 1) {
    const { outcome, status, headers, body } = await application.call(call);
    if (outcome === 'denied') return { ...headers, body: JSON.stringify(body) };
    expect({ outcome, status }).toMatchObject({ outcome: 'ok' });
  }
  throw new Error(`nothing was refused in ${mostCalls} calls`);
}

async function settledOf(budget: { namespace: string; name: string }): Promise<bigint> {
  return exact((await readLedger(world, budget)).settled);
}

function spentBy(namespace: string): Promise<bigint> {
  return settledOf({ namespace, name: 'chat' });
}

test('two teams spend one subscription to its cap: a noisy one leaves the other its guarantee, and the books agree', async () => {
  const { emulator } = world;
  await world.kubectl(['create', 'namespace', root.namespace]);
  const childNamespaces = { from: 'All' };
  await world.apply(
    ...budgetObjects({ ...root, limit: '90m', emulatorUrl: emulator.url, spec: { childNamespaces } }),
  );
  await world.budgetCondition(root, 'Ready', 'True');
  noisy = await team('noisy', { monthlyLimit: '1' });
  quiet = await team('quiet', { monthlyLimit: '1', guaranteed: '30m' });

  const refused = await spendAll(noisy);
  const loud = await readLedger(world, { namespace: 'noisy', name: 'chat' });
  expect(refused['body']).toContain('noisy/chat');
  expect(exact(loud.settled)).toBeGreaterThan(exact('0.04'));
  await spendAll(quiet);
  // The last call is not reported yet, nor are those whose reservation was too large for what was left.
  expect(await spentBy('quiet')).toBeGreaterThan(exact('0.02'));

  const billed = sum((await emulator.entries()).map(({ capacityUnits }) => exact(capacityUnits)));
  expect(billed).toBeLessThanOrEqual(exact('0.09'));
  // Sidecars report some seconds late, and ledgers tell those above some seconds later.
  await expect.poll(async () => (await settledOf(root)) >= billed, { timeout: 40_000 }).toBe(true);
  const settled = await settledOf(root);
  expect(decimalText(settled)).toBe(decimalText((await spentBy('noisy')) + (await spentBy('quiet'))));
  // Each request is rounded up to a nano-CU.
  expect(settled - billed).toBeLessThanOrEqual(exact('0.000000001') * BigInt(2 * mostCalls));
});

test('what one team has and does not use, the other one gets before it is refused', async () => {
  await patch(root, { monthlyLimit: '180m' });
  await patch({ namespace: 'quiet', name: 'chat' }, { guaranteed: '0' });
  await expect.poll(async () => (await readLedger(world, root)).cap, { timeout: 20_000 }).toBe('0.18');
  const first = await noisy.call(call);
  expect(first).toMatchObject({ outcome: 'ok' });
  const reserved = exact(first.headers['sapaibudget-cu-reserved'] ?? '');
  // It is refused by the last round's figures for a second.
  await expect.poll(async () => (await quiet.call(call)).outcome, { timeout: 20_000 }).toBe('ok');
  const refused = await spendAll(quiet);
  expect(refused['body']).toContain('quiet/chat');
  const billed = sum((await world.emulator.entries()).map(({ capacityUnits }) => exact(capacityUnits)));
  expect(billed).toBeLessThanOrEqual(exact('0.18'));
  // Less is left than what one call reserves.
  expect(exact('0.18') - billed).toBeLessThan(reserved);
});

async function patch({ namespace, name }: { namespace: string; name: string }, spec: object): Promise<void> {
  const text = JSON.stringify({ spec });
  await world.kubectl(['patch', 'saib', '-n', namespace, name, '--type=merge', '-p', text]);
}
