import { afterAll, beforeAll, expect, test } from 'vitest';
import { budgetObjects } from '../world/budgets.ts';
import { readLedger, statusShows } from '../world/figures.ts';
import { World } from '../world/world.ts';

let world: World;

beforeAll(async () => {
  world = await World.start({ operatorSettings: { SAPAIBUDGET_REFRESH_SECONDS: '1' } });
  for (const namespace of ['reads-well', 'wrong-key'])
    await world.kubectl(['create', 'namespace', namespace]);
});

afterAll(async () => {
  await world.stop();
});

test('kubectl get and describe read well while a budget is spent', async () => {
  const budget = { namespace: 'reads-well', name: 'chat' };
  await world.apply(...budgetObjects({ ...budget, limit: '2500', emulatorUrl: world.emulator.url }));
  await world.budgetCondition(budget, 'Ready', 'True');
  const workload = await world.startWorkload({ namespace: budget.namespace, name: 'chat-0', budget: 'chat' });
  const application = world.startApplication(workload);
  await application.call({
    kind: 'json',
    model: 'gpt-4o',
    prompt: 'How much is left? [[out=300]]',
    maxTokens: 300,
  });
  await application.stop();
  await world.programs.end(workload.sidecar.program);
  // The sidecar has returned its lease and is gone: the ledger is what stays.
  await statusShows(world, budget, await readLedger(world, budget));
  await podsCounted(budget.namespace, '1/1');
  const get = await world.kubectl(['get', 'saib', '-n', budget.namespace]);
  const wide = await world.kubectl(['get', 'saib', '-n', budget.namespace, '-o', 'wide']);
  await expect(masked(`${get}\n${wide}`)).toMatchFileSnapshot('golden/get-saib.txt');
  await expect(masked(await describeBudget(budget))).toMatchFileSnapshot('golden/describe-saib.txt');
  await world.kubectl(['delete', 'saib', '-n', budget.namespace, budget.name]);
});

test('kubectl get and describe say what to do about a key that SAP does not accept', async () => {
  const budget = { namespace: 'wrong-key', name: 'chat' };
  const [secret, ...rest] = budgetObjects({ ...budget, limit: '10', emulatorUrl: world.emulator.url });
  const wrong = JSON.parse(JSON.stringify(secret).replace('emulator-secret-1', 'another-secret'));
  await world.apply(wrong, ...rest);
  await world.budgetCondition(budget, 'Ready', 'False');
  await podsCounted(budget.namespace, '0/0');
  await expect(
    masked(await world.kubectl(['get', 'saib', '-n', budget.namespace, '-o', 'wide'])),
  ).toMatchFileSnapshot('golden/get-saib-wrong-key.txt');
  await expect(masked(await describeBudget(budget))).toMatchFileSnapshot(
    'golden/describe-saib-wrong-key.txt',
  );
});

async function podsCounted(namespace: string, coverage: string): Promise<void> {
  const isSo = `--for=jsonpath={.status.pods.coverage}=${coverage}`;
  await world.kubectl(['wait', 'saib/chat', '-n', namespace, isSo, '--timeout=30s']);
}

async function describeBudget({ namespace, name }: { namespace: string; name: string }): Promise<string> {
  const text = await world.kubectl(['describe', 'saib', '-n', namespace, name]);
  // Events come in whichever order their seconds give.
  return text.slice(0, text.indexOf('\nEvents:'));
}

/** What differs from run to run, replaced by what it is. */
function masked(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uid>')
    .replaceAll(/Resource Version: +\d+/g, 'Resource Version:    <version>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>')
    .replaceAll(/Ledger Seq: +\d+/g, 'Ledger Seq:           <seq>')
    .replaceAll(new Date().toISOString().slice(0, 7), '<period>')
    .replaceAll(/ \d+(s|m\d*s?)$/gm, ' <age>');
}
