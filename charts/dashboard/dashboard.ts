import { budgetRow, spendingRow } from './budget-rows.ts';
import { healthRow } from './health-row.ts';
import { unknownRow } from './lease-row.ts';
import { sapRow } from './sap-row.ts';
import type { Panel, Query, Row } from './panel.ts';

/** Where a panel is: Grafana counts 24 columns. */
interface Position {
  readonly h: number;
  readonly w: number;
  readonly x: number;
  readonly y: number;
}

const columns = 24;
const panelHeight: Record<Panel['kind'], number> = { stat: 5, gauge: 5, timeseries: 8 };
const datasource = { type: 'prometheus', uid: '${datasource}' };

/** Everything on the dashboard, from top to bottom. */
export const dashboardRows: readonly Row[] = [budgetRow, spendingRow, unknownRow, sapRow, healthRow];

/** The dashboard as Grafana reads it. */
export function renderDashboard(): string {
  const dashboard = {
    uid: 'sap-ai-budget',
    title: 'SAP AI budget',
    description: 'What may be spent of SAP AI Core, what was, by whom, and whether the parts are well.',
    tags: ['sap-ai-budget'],
    schemaVersion: 39,
    editable: true,
    refresh: '1m',
    time: { from: 'now-24h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables },
    panels: panelsOf(dashboardRows),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

const variables = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  choice('namespace', 'label_values(sapaibudget_limit_capacity_units, budget_namespace)'),
  choice('budget', 'label_values(sapaibudget_limit_capacity_units{budget_namespace=~"$namespace"}, budget)'),
];

function choice(name: string, query: string): Record<string, unknown> {
  const all = { text: 'All', value: '$__all' };
  return {
    name,
    label: name === 'namespace' ? 'Namespace' : 'Budget',
    type: 'query',
    datasource,
    definition: query,
    query: { query, refId: name },
    // With the time range: budgets come and go.
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: all,
  };
}

function panelsOf(rows: readonly Row[]): unknown[] {
  const panels: unknown[] = [];
  let y = 0;
  for (const { title, panels: own } of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, gridPos: { h: 1, w: columns, x: 0, y } });
    y += 1;
    let [x, height] = [0, 0];
    for (const panel of own) {
      if (x + panel.width > columns) [x, y, height] = [0, y + height, 0];
      const h = panelHeight[panel.kind];
      panels.push(renderPanel(panel, panels.length + 1, { h, w: panel.width, x, y }));
      x += panel.width;
      height = Math.max(height, h);
    }
    y += height;
  }
  return panels;
}

function renderPanel({ title, description, kind, unit, queries }: Panel, id: number, gridPos: Position) {
  return {
    id,
    type: kind,
    title,
    description,
    gridPos,
    datasource,
    fieldConfig: { defaults: { unit, ...(kind === 'gauge' ? { min: 0, max: 1 } : {}) }, overrides: [] },
    options: kind === 'timeseries' ? timeseriesOptions : singleOptions,
    targets: queries.map((query, index) => target(query, index, kind)),
  };
}

const timeseriesOptions = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
  tooltip: { mode: 'multi', sort: 'desc' },
};
const singleOptions = { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } };

function target({ expr, legend }: Query, index: number, kind: Panel['kind']) {
  return {
    // `A`, `B`, …: no panel has more lines than letters.
    refId: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.charAt(index),
    datasource,
    expr,
    legendFormat: legend,
    range: kind === 'timeseries',
    instant: kind !== 'timeseries',
  };
}
