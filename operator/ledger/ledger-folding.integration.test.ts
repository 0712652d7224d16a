import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { foldedKey } from '../../accounting/ledger-fold.ts';
import { encodeLedger } from '../../accounting/ledger-text.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { newLedger } from '../../accounting/ledger.ts';
import { maxRowsLength } from '../../crds/ledger.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { pods } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { KubeClient } from '../kube/client.ts';
import { podIsGone } from './pod-is-gone.ts';
import { holder, need, rule } from './test-ledgers.ts';
import { LedgerWorld, ask } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();

/** A ledger with that many holders, of which each spent 1 CU and gave back 2; all of them an hour ago. */
function usedLedger(holders: number, { namespace = 'team-a' } = {}) {
  const { budget, period, cap } = need('1000000');
  const ledger = newLedger({ budget, period, cap });
  const nowMs = period.startMs + 1000;
  for (let index = 0; index < holders; index += 1) {
    const pod = holder(`run-${index}`);
    const context = { ...pod.context(nowMs), name: `${namespace}/run-${index}` };
    handleLeaseRequest(ledger, pod.open('uid'), context);
    handleLeaseRequest(ledger, pod.report('uid', { ask: '3' }), context);
    const last = pod.report('uid', { seq: 2, spent: '1', returned: parseAmount('2') });
    handleLeaseRequest(ledger, last, context);
  }
  return ledger;
}

test('rows of pods that are gone become one, until few are left; what they spent stays spent', async () => {
  const side = await world.start({ foldEveryMs: 20 });
  side.clock.aheadMs = need('1').period.startMs + 3_600_000 - Date.now();
  await side.store.create(usedLedger(1200), { createdFor: 'budget-uid', ...rule });
  const { uid, name, settled } = await side.ledgers.ensureLedger(need('1000000'), { signal });
  await ask(side, uid, { name: 'alive', amount: '5' });
  const after = await eventually(
    async () => {
      const stored = await side.store.read(name, { signal });
      return stored && stored.ledger.rows.size <= 502 ? stored.ledger : undefined;
    },
    { what: 'a ledger with folded rows', timeoutMs: 60_000, intervalMs: 100 },
  );
  expect(after.totals).toMatchObject({ settled, outstanding: parseAmount('5'), held: 0n });
  const fold = after.rows.get(foldedKey);
  expect(fold?.spent).toBe(BigInt(fold?.seq ?? 0) * parseAmount('1'));
  expect(after.rows.has('pod:alive')).toBe(true);
});

test('a pod is gone once it is deleted, replaced or finished, and not before', async () => {
  const { controlPlane, namespace } = world;
  const side = await world.start();
  const kube = new KubeClient(side.proxy.kubeConfig(), { fieldManager: 'test' });
  const spec = { containers: [{ name: 'app', image: 'example.invalid/app' }] };
  const created = await kube.create<KubeObject>(pods, { metadata: { namespace, name: 'app' }, spec });
  const row = { key: `pod:${created.metadata.uid}`, name: `${namespace}/app` };
  expect(await podIsGone(kube, row)).toBe(false);
  expect(await podIsGone(kube, { ...row, key: 'pod:another' })).toBe(true);
  expect(await podIsGone(kube, { ...row, name: `${namespace}/never` })).toBe(true);
  await controlPlane.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/pods/app/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { phase: 'Succeeded' } },
  });
  expect(await podIsGone(kube, row)).toBe(true);
  await kube.close();
});

test('a ledger takes nobody new into its last tenth, and lets those in it report', async () => {
  const side = await world.start();
  const ledger = usedLedger(3000, { namespace: 'n'.repeat(63) });
  const pod = holder('run-0');
  for (let index = 0; encodeLedger(ledger).rows.length < maxRowsLength * 0.9; index += 1) {
    // Counting takes longer than filling.
    for (let line = 0; line < 20; line += 1) {
      const more = holder(`more-${index}-${line}`);
      handleLeaseRequest(ledger, more.open('uid'), more.context(need('1').period.startMs + 1000));
    }
  }
  await side.store.create(ledger, { createdFor: 'budget-uid', ...rule });
  const { uid } = await side.ledgers.ensureLedger(need('1000000'), { signal });
  await expect(ask(side, uid, { name: 'new', amount: '1' })).rejects.toMatchObject({ reason: 'full' });
  const book = await side.ledgers.find(uid, need('1').budget, { signal });
  const report = pod.report(uid, { seq: 3, spent: '1', returned: parseAmount('2'), ask: '7' });
  expect(await book?.handle(report, pod.context(side.clock.nowMs()))).toMatchObject({
    kind: 'reported',
    row: { granted: parseAmount('10') },
  });
});
