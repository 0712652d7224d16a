import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../control-plane/eventually.ts';
import { budgetObjects, usageKey } from '../world/budgets.ts';
import { readLedger, statusShows } from '../world/figures.ts';
import { World } from '../world/world.ts';

let world: World;

beforeAll(async () => {
  world = await World.start({ operatorSettings: { SAPAIBUDGET_REFRESH_SECONDS: '1' } });
});

afterAll(async () => {
  await world.stop();
});

test('kubectl get saib,sais reads well once SAP has closed a day', async () => {
  const budget = { namespace: 'billed', name: 'chat' };
  await world.kubectl(['create', 'namespace', budget.namespace]);
  const spec = {
    usage: {
      serviceKeySecretRef: { name: 'usage-key' },
      subaccountId: '00000000-0000-4000-8000-0000000000f1',
    },
    purchased: [{ capacityUnits: '1000', from: '2026-01-01', until: '2036-01-01' }],
  };
  await world.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'usage-key', namespace: budget.namespace },
    stringData: { 'key.json': JSON.stringify(usageKey(world.emulator.url)) },
  });
  await world.apply(...budgetObjects({ ...budget, limit: '25', emulatorUrl: world.emulator.url, spec }));
  await world.budgetCondition(budget, 'Ready', 'True');
  const workload = await world.startWorkload({
    namespace: budget.namespace,
    name: 'chat-0',
    budget: budget.name,
  });
  const application = world.startApplication(workload);
  for (const prompt of ['Metered. [[out=300]]', 'Billed all the same. [[out=200]][[fault=no-usage]]'])
    await application.call({ kind: 'json', model: 'gpt-4o', prompt, maxTokens: 300 });
  await world.programs.end(workload.sidecar.program);
  await statusShows(world, budget, await readLedger(world, budget));
  const isCounted = '--for=jsonpath={.status.pods.coverage}=1/1';
  await world.kubectl(['wait', '-n', budget.namespace, 'saib/chat', isCounted, '--timeout=30s']);

  await world.emulator.closeDay();
  await world.kubectl(['annotate', 'saib', '-n', budget.namespace, 'chat', 'sapai.eerly.ai/poll-usage=now']);
  const shown = await eventually(
    async () => {
      const text = await world.kubectl(['get', 'saib,sais', '-n', budget.namespace]);
      return /chat-\d{4}-\d\d .* 0\.\d+ +0\.\d+ +0\.\d+ /.test(text) ? text : undefined;
    },
    { what: 'the statement of the day', timeoutMs: 60_000, intervalMs: 500 },
  );
  await expect(masked(shown)).toMatchFileSnapshot('golden/get-saib-sais.txt');
});

/** What differs from run to run, replaced by what it is. */
function masked(text: string): string {
  const today = new Date().toISOString();
  return text
    .replaceAll(today.slice(0, 10), '<today>')
    .replaceAll(today.slice(0, 7), '<month>')
    .replaceAll(/ \d+(s|m\d*s?)$/gm, ' <age>');
}
