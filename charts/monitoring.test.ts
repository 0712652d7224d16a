import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sidecarContainer } from '../operator/webhook/sidecar-container.ts';
import { alertGroups } from './alerts.ts';
import { dashboardRows } from './dashboard/dashboard.ts';
import { labelsOf, metricRows } from './metric-rows.ts';
import { queryNames } from './query-names.ts';

const panels = dashboardRows.flatMap((row) => row.panels);
const ofPanels = panels.flatMap(({ title, queries }) =>
  queries.map(({ expr, legend }) => ({ where: `${title}, ${legend}`, expr, legend })),
);
const alerts = alertGroups.flatMap(({ rules }) => rules);
const ofAlerts = alerts.map(({ alert, expr }) => ({ where: alert, expr }));

/** What an expression names and no program exports. */
function strangers(expression: string): string[] {
  const { metrics, labels } = queryNames(expression);
  const known = new Set(metrics.flatMap((metric) => [...(labelsOf(metric) ?? [])]));
  return [
    ...metrics.filter((metric) => labelsOf(metric) === undefined),
    ...labels.filter((label) => !known.has(label)),
  ];
}

test.each([...ofPanels, ...ofAlerts])('$where asks for nothing that no program exports', ({ expr }) => {
  expect(queryNames(expr).metrics).not.toEqual([]);
  expect(strangers(expr)).toEqual([]);
});

test.each([
  { expr: 'sum(sapaibudget_spent_total)', found: ['sapaibudget_spent_total'] },
  { expr: 'rate(gen_ai_client_token_usage[5m])', found: ['gen_ai_client_token_usage'] },
  { expr: 'sum by (modell) (sapaibudget_bound_use_max_ratio)', found: ['modell'] },
  { expr: 'sapaibudget_budget_ready{budget="a",team=~"sum(x) by (y)"}', found: ['team'] },
  { expr: '10 * (time() - up offset 5m) and sapaibudget_budget_ready > bool 0', found: ['up'] },
  { expr: 'rate(sapaibudget_spent_capacity_units_total[$__rate_interval])', found: [] },
])('$expr names $found without need', ({ expr, found }) => {
  expect(strangers(expr)).toEqual(found);
});

test.each(ofPanels)('the legend of $where is of labels that its lines have', ({ expr, legend }) => {
  const { metrics } = queryNames(expr);
  const labels = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '');
  const known = new Set(metrics.flatMap((metric) => [...(labelsOf(metric) ?? [])]));
  expect(labels.filter((label) => !known.has(label))).toEqual([]);
});

test('panels fit into the width of the dashboard and have names of their own', () => {
  expect(panels.filter(({ width }) => width < 1 || width > 24)).toEqual([]);
  const titles = panels.map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});

test('the two programs have no metric in common', () => {
  const names = [...metricRows.sidecar, ...metricRows.operator].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('no label is one that whoever scrapes adds', () => {
  const labels = [...metricRows.sidecar, ...metricRows.operator].flatMap((row) => row.labels);
  expect(
    labels.filter((label) => ['namespace', 'pod', 'container', 'job', 'instance'].includes(label)),
  ).toEqual([]);
});

test('the monitor of sidecars reads the port that the webhook gives them', () => {
  const resources = { requests: {}, limits: {} };
  const settings = { image: 'i', command: ['c'], operatorUrl: 'https://o', resources };
  const rest = { journalSizeLimit: '1Mi', logLevel: 'info' } as const;
  const { ports } = sidecarContainer({ ...settings, ...rest }, { appKey: 'key' });
  const monitor = readFileSync(new URL('sap-ai-budget/templates/monitoring.yaml', import.meta.url), 'utf8');
  const read = [...monitor.matchAll(/- port: (\S+)/g)].map((match) => match[1]);
  expect(read).toEqual(['metrics', ports?.[0]?.['name']]);
});
