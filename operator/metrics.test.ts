import { expect, test } from 'vitest';
import { nanoPerCu } from '../accounting/amount.ts';
import { issueAuthority } from './certificates/issue.ts';
import { operatorMetricTable } from './metric-table.ts';
import { OperatorMetrics } from './metrics.ts';

const budget = { namespace: 'team', name: 'main' };
const ledger = {
  uid: 'u',
  name: 'team.main.2026-11',
  budget,
  period: { name: '2026-11', startMs: 0, endMs: 1_795_000_000_000 },
  enforcement: 'Enforce' as const,
  cap: 100n * nanoPerCu,
  settled: nanoPerCu / 2n,
  outstanding: 0n,
  held: 0n,
  granted: 2n * nanoPerCu,
  returned: nanoPerCu / 4n,
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

test('a budget below another one names that one, as long as it is below it', async () => {
  const metrics = new OperatorMetrics({ version: 'test' });
  const parent = { namespace: 'platform', name: 'all' };
  const named = `sapaibudget_budget_parent{${labels},parent="all",parent_namespace="platform"} 1`;
  metrics.observeBudget({ budget, ready: true, ledger: { ...ledger, parent } });
  expect(await metrics.registry.metrics()).toContain(named);
  metrics.observeBudget({ budget, ready: true });
  expect(await metrics.registry.metrics()).toContain(named);
  metrics.observeBudget({ budget, ready: true, ledger });
  expect(await metrics.registry.metrics()).not.toContain('parent="');
  metrics.observeBudget({ budget, ready: true, ledger: { ...ledger, parent } });
  metrics.observeBudget({ budget });
  expect(await metrics.registry.metrics()).not.toContain('parent="');
});

test('what was leased is counted from the ledger, and anew in another period', async () => {
  const metrics = new OperatorMetrics({ version: 'test' });
  const issued = `sapaibudget_leases_issued_capacity_units_total{${labels}}`;
  for (const granted of [2n, 2n, 5n, 1n]) {
    metrics.observeBudget({ budget, ledger: { ...ledger, granted: granted * nanoPerCu }, ready: true });
    expect(await metrics.registry.metrics()).toContain(`${issued} ${granted}\n`);
  }
  expect(await metrics.registry.metrics()).toContain(
    `sapaibudget_leases_refunded_capacity_units_total{${labels}} 0.25\n`,
  );
});

test('pods are counted where somebody counts, and not shown as none where nobody can', async () => {
  const metrics = new OperatorMetrics({ version: 'test' });
  metrics.observeBudget({ budget, ready: true, coverage: { selected: 3, enforced: 2, missing: ['x'] } });
  const text = await metrics.registry.metrics();
  expect(text).toContain(`sapaibudget_selected_pods{${labels}} 3`);
  expect(text).toContain(`sapaibudget_enforced_pods{${labels}} 2`);
  metrics.observeBudget({ budget, ready: true });
  expect(await metrics.registry.metrics()).not.toContain(`_pods{${labels}}`);
});

test('the program has the metrics of its table, and beside them only those of its process', () => {
  const made = new OperatorMetrics({ version: 'test' }).registry.getMetricsAsArray();
  const names = made.map(({ name }) => name).filter((name) => !/^(process|nodejs)_/.test(name));
  const wanted = Object.values(operatorMetricTable).map(({ name }) => name);
  expect(names.toSorted()).toEqual(wanted.toSorted());
});

test('a subscription has the figures that are known, and none when they are not any more', async () => {
  const metrics = new OperatorMetrics({ version: 'test' });
  const subscription = {
    purchased: '1000',
    consumed: '12.5',
    remaining: '987.5',
    unattributed: '0.25',
    dataThrough: '2026-11-20',
    polledAt: '2026-11-21T08:00:00Z',
  };
  metrics.observeBudget({ budget, ready: true, subscription });
  const text = await metrics.registry.metrics();
  expect(text).toContain(`sapaibudget_subscription_capacity_units{${labels},measure="remaining"} 987.5`);
  expect(text).toContain(`sapaibudget_unattributed_capacity_units{${labels}} 0.25`);
  const end = Date.parse('2026-11-21T00:00:00Z') / 1000;
  expect(text).toContain(`sapaibudget_usage_data_timestamp_seconds{${labels}} ${end}`);
  metrics.observeBudget({ budget, ready: true });
  const after = await metrics.registry.metrics();
  expect(after).not.toMatch(/^sapaibudget_(subscription|unattributed|usage_data)\w*\{/m);
});

test('the end of a certificate is what the certificate says', async () => {
  const metrics = new OperatorMetrics({ version: 'test' });
  const now = new Date('2026-11-21T08:00:00Z');
  metrics.servesWith(await issueAuthority(now));
  const end = now.getTime() / 1000 + 730 * 86_400;
  expect(await metrics.registry.metrics()).toContain(
    `sapaibudget_certificate_expiry_timestamp_seconds ${end}\n`,
  );
});

test('polls of usage are counted by result', async () => {
  const metrics = new OperatorMetrics({ version: 'test' });
  metrics.usagePolled({ result: 'failed', durationMs: 1500 });
  const text = await metrics.registry.metrics();
  expect(text).toContain('sapaibudget_usage_polls_total{result="ok"} 0');
  expect(text).toContain('sapaibudget_usage_polls_total{result="failed"} 1');
  expect(text).toContain('sapaibudget_usage_poll_duration_seconds_sum 1.5');
});
