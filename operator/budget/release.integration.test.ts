import { afterAll, beforeAll, expect, test } from 'vitest';
import { nanoPerCu } from '../../accounting/amount.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { events, pods } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { ledgerOf, plainSpec, startBudgetWorld } from '../testing/budget-world.ts';
import type { BudgetWorld } from '../testing/budget-world.ts';
import { takeLease } from '../testing/sidecar-calls.ts';
import { budgets } from './resources.ts';

interface KubeEvent extends KubeObject {
  reason: string;
  note: string;
  regarding: { kind: string; uid: string };
}

let world: BudgetWorld;

beforeAll(async () => {
  world = await startBudgetWorld();
});
afterAll(() => world?.stop());

/** The event of that reason, once it is there. */
function eventOf(namespace: string, wanted: string): Promise<KubeEvent> {
  return eventually(
    async () => {
      const { items } = await world.fixture.kube.list<KubeEvent>(events, { namespace });
      return items.find(({ reason }) => reason === wanted);
    },
    { what: `the event ${wanted}`, timeoutMs: 20_000, intervalMs: 100 },
  );
}

const by = { 'sapai.eerly.ai/approved-by': 'ada' };
const release = 'sapai.eerly.ai/release';

test.each([
  {
    what: 'no release',
    annotations: { ...by, [release]: 'everything' },
    says: /must read "<key>@<seq> held=/,
  },
  { what: 'nobody’s', annotations: { [release]: 'pod:a@1 held=40 spent=0' }, says: /must name who approves/ },
  {
    what: 'of a row that is not there',
    annotations: { ...by, [release]: 'pod:a@1 held=40 spent=0' },
    says: /the ledger has no row pod:a\.$/,
  },
  {
    what: 'of more than an amount can be',
    annotations: { ...by, [release]: 'pod:a@1 held=1e30 spent=0' },
    says: /must read "<key>@<seq> held=/,
  },
])('a release that is $what frees nothing and is told', async ({ annotations, says }) => {
  const { namespace } = await world.readyBudget({ monthlyLimit: '100' });
  const pod = await world.pod(namespace);
  await takeLease(pod, { ledgerUid: await ledgerOf(pod), amount: 40n * nanoPerCu });
  const { kube } = world.fixture;
  await kube.apply(budgets, { metadata: { namespace, name: 'main', annotations }, spec: plainSpec });
  expect((await eventOf(namespace, 'ReleaseRefused')).note).toMatch(says);
  const status = await eventually(
    async () => {
      const found = (await world.fixture.budget(namespace, 'main'))?.status;
      return found?.reserved === '40' ? found : undefined;
    },
    { what: 'the lease in the status', timeoutMs: 20_000, intervalMs: 100 },
  );
  expect(status).toMatchObject({ reserved: '40', held: '0', spent: '0' });
});

test('a call that is no message is an event of the pod whose token it came with', async () => {
  const { namespace } = await world.readyBudget();
  const pod = await world.pod(namespace);
  expect(await pod.token({ ledgerUid: 'any', incarnation: 0 })).toMatchObject({ status: 400 });
  const { note, regarding } = await eventOf(namespace, 'Malformed');
  const [holder] = (await world.fixture.kube.list<KubeObject>(pods, { namespace })).items;
  expect(regarding).toMatchObject({ kind: 'Pod', uid: holder?.metadata.uid });
  expect(note).toMatch(/^A call with the token of this pod was refused, and nothing of it was booked/);
});
