import { alertGroups } from './alerts.ts';
import type { Alert } from './alerts.ts';
import { metricRows } from './metric-rows.ts';
import type { MetricRow } from './metric-rows.ts';

const head = `<!-- Generated from the tables of both programs and charts/*.ts by \`make generate\`. Do not edit. -->
# Metrics, dashboard, alerts

Both programs answer \`/metrics\` in the Prometheus format: the operator on port 9444, each sidecar on port 15481 of its pod (\`sapai-admin\`). Whoever
scrapes adds \`namespace\` and \`pod\`. CU are \`capacity_units\`. Label values come from the configuration and from closed lists, never from what a client has sent.

Where the cluster has the Prometheus operator, the chart installs a ServiceMonitor, a PodMonitor and the alerts below. The dashboard is a ConfigMap with the label
\`grafana_dashboard\`, which Grafana's sidecar looks for. \`monitoring\` in the chart's values switches each of them off, or gives it the labels that your Prometheus selects by.
`;

/** The page (Markdown) of all metrics and alerts. */
export function renderMetricsPage(): string {
  const { sidecar, operator } = metricRows;
  const about = 'Beside these the operator has those of its process (`process_*`, `nodejs_*`).';
  return [
    head,
    `## Operator\n\n${about}\n\n${metricTable(operator)}`,
    `## Sidecar\n\nOnly the sidecar's own lease and traffic: sums over pods are sums of what pods did, never a budget's figure.\n\n${metricTable(sidecar)}`,
    `## Alerts\n\n${alertTable(alertGroups.flatMap(({ rules }) => rules))}`,
  ].join('\n');
}

function metricTable(rows: readonly MetricRow[]): string {
  const cells = rows.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  return table(['Name', 'Type', 'Labels', 'Meaning'], cells);
}

function alertTable(alerts: readonly Alert[]): string {
  const cells = alerts.map(({ alert, labels, annotations, expr }) => [
    `\`${alert}\``,
    labels.severity,
    `${plain(annotations.summary)}. ${plain(annotations.description)}`,
    `\`${expr.replaceAll('|', '\\|')}\``,
  ]);
  return table(['Name', 'Severity', 'Meaning', 'Expression'], cells);
}

/** Without the templates that Prometheus fills in. */
function plain(text: string): string {
  return text.replaceAll(/ of \{\{[^}]*\}\}(\/\{\{[^}]*\}\})?| \{\{[^}]*\}\}(\/\{\{[^}]*\}\})?/g, '');
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}
