import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import type { SapAiLedger } from '../../crds/ledger.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { ledgerOf, plainSpec, ready, startBudgetWorld } from '../testing/budget-world.ts';
import type { BudgetWorld } from '../testing/budget-world.ts';
import type { BudgetSpecInput } from '../testing/operator-fixture.ts';
import { takeLease } from '../testing/sidecar-calls.ts';
import { storedLedger } from '../ledger/test-ledgers.ts';

let world: BudgetWorld;
beforeAll(async () => {
  world = await startBudgetWorld();
});
afterAll(() => world?.stop());

/** A share of the budget `main` of a namespace. */
function childOf(namespace: string, more: Partial<BudgetSpecInput> = {}): BudgetSpecInput {
  return { parentRef: { name: 'main', namespace }, monthlyLimit: '300', ...more };
}

/** A root that allows children anywhere, and one child in a namespace of its own. */
async function rootWithChild({
  root = {},
  child = {},
}: { root?: Partial<BudgetSpecInput>; child?: Partial<BudgetSpecInput> } = {}): Promise<{
  above: string;
  below: string;
}> {
  const { namespace: above } = await world.readyBudget({ childNamespaces: { from: 'All' }, ...root });
  const below = await world.fixture.createNamespace();
  await world.fixture.putBudget(below, childOf(above, child));
  return { above, below };
}

async function deleteBudget(namespace: string): Promise<void> {
  const path = `/apis/sapai.eerly.ai/v1alpha1/namespaces/${namespace}/sapaibudgets/main`;
  await world.controlPlane.call({ method: 'DELETE', path });
}

async function label(namespace: string, labels: Record<string, string>): Promise<void> {
  await world.controlPlane.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}`,
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels } },
  });
}

async function ledgerIn(namespace: string, name = 'main'): Promise<SapAiLedger> {
  const budget = await world.fixture.budget(namespace, name);
  const place = { controlPlane: world.controlPlane, namespace: world.fixture.namespace };
  return storedLedger(place, budget?.status?.ledgerName ?? '');
}

describe('a budget below another one', () => {
  test('is spent from without a Secret of its own: models, prices, period and token are the root’s', async () => {
    const { above, below } = await rootWithChild({ root: { allowedModels: ['gpt-*'] } });
    await world.fixture.condition(below, ready);
    const pod = await world.pod(below);
    const rootPod = await world.pod(above);
    const [mine, theirs] = [await pod.budget(), await rootPod.budget()];
    if (mine.state !== 'ready' || theirs.state !== 'ready') throw new Error('not ready');
    expect(mine).toMatchObject({
      namespace: below,
      apiUrl: theirs.apiUrl,
      deployments: theirs.deployments,
      resourceGroups: theirs.resourceGroups,
      factors: theirs.factors,
      allowedModels: ['gpt-*'],
    });
    expect(mine.ledger.period).toEqual(theirs.ledger.period);
    expect(mine.models.length).toBeGreaterThan(0);
    expect(mine.models.every(({ model }) => model.startsWith('gpt-'))).toBe(true);
    const ledgerUid = await ledgerOf(pod);
    const { incarnation } = await takeLease(pod, { ledgerUid, amount: parseAmount('10') });
    expect(await pod.token({ ledgerUid, incarnation })).toMatchObject({ status: 200 });
    const { spec } = await ledgerIn(above);
    expect(spec.rows).toContain(`ledger:${ledgerUid} `);
    expect(parseAmount(spec.outstanding)).toBeGreaterThanOrEqual(parseAmount('10'));
    const status = (await world.fixture.budget(below))?.status;
    expect(status).toMatchObject({ limit: '300', used: '0%' });
    expect(status?.conditions?.map(({ type }) => type)).toEqual([
      'Ready',
      'Enforcing',
      'Exhausted',
      'Overcommitted',
      'ParentReady',
    ]);
  });

  test('needs the consent of its parent, and has it once the namespace has the labels', async () => {
    const selector = { matchLabels: { ai: 'true' } };
    const { above, below } = await rootWithChild({
      root: { childNamespaces: { from: 'Selector', selector } },
    });
    const refused = await world.fixture.condition(below, {
      type: 'Ready',
      status: 'False',
      reason: 'NamespaceNotAllowed',
    });
    expect(refused.message).toContain(
      `Budget ${above}/main allows no budgets below it in namespace "${below}": give the namespace the labels ai=true`,
    );
    await label(below, { ai: 'true' });
    await world.fixture.condition(below, ready);
    await label(below, { ai: 'false' });
    await world.fixture.condition(below, { type: 'Ready', status: 'False', reason: 'NamespaceNotAllowed' });
  });

  test('waits for its parent, whichever of the two is applied first, and says what it waits for', async () => {
    const below = await world.fixture.createNamespace();
    await world.fixture.putBudget(below, childOf('nowhere-yet'));
    const missing = { type: 'ParentReady', status: 'False', reason: 'ParentNotFound' } as const;
    expect((await world.fixture.condition(below, missing)).message).toContain(
      'There is no SapAiBudget nowhere-yet/main: create it, or correct spec.parentRef.',
    );
    const { namespace } = await world.readyBudget();
    await world.fixture.putBudget(namespace, childOf(namespace), 'share');
    await world.fixture.condition(namespace, { ...ready, name: 'share' });
    await world.fixture.putBudget(
      namespace,
      { ...childOf(namespace), parentRef: { name: 'share', namespace } },
      'third',
    );
    await world.fixture.condition(namespace, { ...ready, name: 'third' });
    await world.fixture.putBudget(
      namespace,
      { ...childOf(namespace), parentRef: { name: 'third', namespace } },
      'fourth',
    );
    const deep = { type: 'ParentReady', status: 'False', reason: 'ParentTooDeep', name: 'fourth' } as const;
    await world.fixture.condition(namespace, deep);
  });

  test('cannot be below itself by way of others', async () => {
    const namespace = await world.fixture.createNamespace();
    await world.fixture.putBudget(
      namespace,
      { ...childOf(namespace), parentRef: { name: 'b', namespace } },
      'a',
    );
    await world.fixture.putBudget(
      namespace,
      { ...childOf(namespace), parentRef: { name: 'a', namespace } },
      'b',
    );
    const cycle = { type: 'ParentReady', status: 'False', reason: 'ParentCycle', name: 'a' } as const;
    const { message } = await world.fixture.condition(namespace, cycle);
    expect(message).toContain(`${namespace}/a below ${namespace}/b below ${namespace}/a`);
  });

  test('keeps its guarantee while a sibling takes all it can, and both are told when guarantees are too much', async () => {
    const { above, below } = await rootWithChild({
      root: { monthlyLimit: '100' },
      child: { guaranteed: '40' },
    });
    const noisy = await world.fixture.createNamespace();
    await world.fixture.putBudget(noisy, childOf(above));
    for (const namespace of [below, noisy]) await world.fixture.condition(namespace, ready);
    const covered = { type: 'GuaranteeCovered', status: 'True', reason: 'GuaranteeCovered' } as const;
    await world.fixture.condition(below, covered);
    await eventually(
      async () => ((await ledgerIn(above)).spec.shares.includes(' 40 1 ') ? true : undefined),
      {
        what: 'the guarantee in the ledger',
        timeoutMs: 10_000,
      },
    );
    const [quiet, loud] = [await world.pod(below), await world.pod(noisy)];
    const loudLedger = await ledgerOf(loud);
    await takeLease(loud, { ledgerUid: loudLedger, amount: parseAmount('60') });
    const more = takeLease(await world.pod(noisy), { ledgerUid: loudLedger, amount: parseAmount('1') });
    await expect(more).rejects.toThrow('not granted');
    await takeLease(quiet, { ledgerUid: await ledgerOf(quiet), amount: parseAmount('40') });
    await world.fixture.putBudget(noisy, childOf(above, { guaranteed: '61' }));
    await world.fixture.condition(below, {
      type: 'GuaranteeCovered',
      status: 'False',
      reason: 'GuaranteeNotCovered',
    });
    await world.fixture.condition(above, {
      type: 'Overcommitted',
      status: 'True',
      reason: 'GuaranteeNotCovered',
    });
  });

  test('that is deleted gives back what it has, and is gone on from when it is created again', async () => {
    const { above, below } = await rootWithChild({ root: { monthlyLimit: '100' } });
    await world.fixture.condition(below, ready);
    const pod = await world.pod(below);
    const ledgerUid = await ledgerOf(pod);
    await takeLease(pod, { ledgerUid, amount: parseAmount('5') });
    await deleteBudget(below);
    await eventually(async () => ((await ledgerIn(above)).spec.outstanding === '5' ? true : undefined), {
      what: 'all but the lease of the pod to come back',
      timeoutMs: 20_000,
    });
    await world.fixture.putBudget(below, childOf(above));
    await world.fixture.condition(below, ready);
    expect(await ledgerOf(await world.pod(below))).toBe(ledgerUid);
    expect((await world.fixture.budget(below))?.status?.reserved).toBe('5');
  });

  test('says when the budget above has nothing left, and that it has again', async () => {
    const { above, below } = await rootWithChild({ root: { monthlyLimit: '10' } });
    await world.fixture.condition(below, ready);
    const rootPod = await world.pod(above);
    await takeLease(rootPod, { ledgerUid: await ledgerOf(rootPod), amount: parseAmount('10') });
    const pod = await world.pod(below);
    const asks = takeLease(pod, { ledgerUid: await ledgerOf(pod), amount: parseAmount('1') });
    await expect(asks).rejects.toThrow('not granted');
    await world.fixture.condition(below, { type: 'Exhausted', status: 'True', reason: 'ParentExhausted' });
    await world.fixture.putBudget(above, {
      ...plainSpec,
      monthlyLimit: '20',
      childNamespaces: { from: 'All' },
    });
    await world.fixture.condition(below, { type: 'Exhausted', status: 'False', reason: 'CapacityLeft' });
  });

  test('that was a root in this period gets nothing before the next one', async () => {
    const { namespace: above } = await world.readyBudget({ childNamespaces: { from: 'All' } });
    const { namespace } = await world.readyBudget();
    await deleteBudget(namespace);
    await world.fixture.putBudget(namespace, childOf(above));
    const changed = { type: 'Enforcing', status: 'False', reason: 'ParentChanged' } as const;
    const { message } = await world.fixture.condition(namespace, changed);
    expect(message).toContain(`belongs below nobody, not below ${above}/main`);
  });

  test('of a root whose key is refused says so, and goes on when it is put right', async () => {
    const { above, below } = await rootWithChild();
    await world.fixture.condition(below, ready);
    await world.fixture.putSecret(above, { key: '{}' });
    const waiting = { type: 'Ready', status: 'False', reason: 'ParentNotReady' } as const;
    const { message } = await world.fixture.condition(below, waiting);
    expect(message).toContain(`Budget ${above}/main above cannot be spent from.`);
  });
});
