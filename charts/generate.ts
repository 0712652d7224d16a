import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderAlerts } from './alerts.ts';
import { renderDashboard } from './dashboard/dashboard.ts';
import { renderMetricsPage } from './metrics-page.ts';
import { renderAuthorPolicy, renderCrds, renderPodPolicy, renderRules, renderWebhook } from './templates.ts';
import { renderValues, renderValuesSchema } from './values-file.ts';

const chart = fileURLToPath(new URL('sap-ai-budget/', import.meta.url));
const metricsPage = fileURLToPath(new URL('../docs/metrics.md', import.meta.url));

/** Everything in the chart that has its source in code, and the page of its metrics: file and content. */
export function generatedChartFiles(): { path: string; content: string }[] {
  const files = {
    'values.yaml': renderValues(),
    'values.schema.json': renderValuesSchema(),
    'templates/_rules.tpl': renderRules(),
    'templates/webhook.yaml': renderWebhook(),
    'templates/pod-policy.yaml': renderPodPolicy(),
    'templates/author-policy.yaml': renderAuthorPolicy(),
    'templates/crds.yaml': renderCrds(),
    'dashboards/sap-ai-budget.json': renderDashboard(),
    'alerts/sap-ai-budget.yaml': renderAlerts(),
  };
  const inChart = Object.entries(files).map(([name, content]) => ({ path: chart + name, content }));
  return [...inChart, { path: metricsPage, content: renderMetricsPage() }];
}

if (import.meta.main) {
  for (const { path, content } of generatedChartFiles()) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}
