import { expect, test } from 'vitest';
import { nanoPerCu } from '../accounting/amount.ts';
import { OperatorMetrics } from './metrics.ts';

const budget = { namespace: 'team', name: 'main' };
const ledger = {
  uid: 'u',
  name: 'team.main.2026-11',
  budget,
  period: { name: '2026-11', startMs: 0, endMs: 1_795_000_000_000 },
  cap: 100n * nanoPerCu,
  settled: nanoPerCu / 2n,
  outstanding: 0n,
  held: 0n,
  overrun: 0n,
  available: (199n * nanoPerCu) / 2n,
  seq: 1,
  holders: 0,
};
const labels = 'budget="main",budget_namespace="team"';

test('what may happen is there at 0 before it does', async () => {
  const text = await new OperatorMetrics({ version: '1.2.3' }).registry.metrics();
  expect(text).toContain('sapaibudget_reconcile_total{controller="budget",result="error"} 0');
  expect(text).toContain('sapaibudget_ledger_events_total{reason="Overrun"} 0');
  expect(text).toContain('sapaibudget_build_info{version="1.2.3"} 1');
});

test('a budget has its figures until it is gone', async () => {
  const metrics = new OperatorMetrics({ version: 'test' });
  metrics.observeBudget({ budget, ledger, ready: true });
  const text = await metrics.registry.metrics();
  expect(text).toContain(`sapaibudget_settled_capacity_units{${labels}} 0.5`);
  expect(text).toContain(`sapaibudget_remaining_capacity_units{${labels}} 99.5`);
  expect(text).toContain(`sapaibudget_period_end_timestamp_seconds{${labels}} 1795000000`);
  expect(text).toContain(`sapaibudget_budget_ready{${labels}} 1`);
  metrics.observeBudget({ budget });
  expect(await metrics.registry.metrics()).not.toContain(labels);
});
