import { afterAll, beforeAll, expect, test } from 'vitest';
import { budgetRow } from '../../charts/dashboard/budget-rows.ts';
import { dashboardQueries, filledIn } from './dashboard-queries.ts';
import { type SpendingScene, seen, spendAll, startScene } from './spending-scene.ts';

let scene: SpendingScene;
beforeAll(async () => {
  scene = await startScene(console.error);
  await spendAll(scene);
});
afterAll(() => scene?.stop());

test.each(dashboardQueries)('$title, $legend: Prometheus has an answer', async ({ query }) => {
  await seen(scene.prometheus, query);
  const samples = await scene.prometheus.query(query);
  expect(samples.filter(({ value }) => Number.isFinite(value))).not.toEqual([]);
});

test('a query of a metric that no program has comes back empty', async () => {
  expect(await scene.prometheus.query('sapaibudget_no_such_metric')).toEqual([]);
});

test('a budget that is not selected is not shown', async () => {
  const ofBudgets = budgetRow.panels.flatMap(({ queries }) => queries);
  for (const { expr } of ofBudgets)
    expect(await scene.prometheus.query(filledIn(expr, { budget: 'other' }))).toEqual([]);
});

test('what pods spent adds up to what the budget has settled', async () => {
  const spent = 'sum(sapaibudget_spent_capacity_units_total)';
  const settled = 'sum(sapaibudget_settled_capacity_units)';
  // The sidecar reports a moment after it has booked.
  await seen(scene.prometheus, `abs(${spent} - ${settled}) < 1e-9`);
  const [sum] = await scene.prometheus.query(settled);
  expect(sum?.value).toBeGreaterThan(0);
});
