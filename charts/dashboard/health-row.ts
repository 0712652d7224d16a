import type { Row } from './panel.ts';
import { units } from './panel.ts';

/** How the parts are. */
export const healthRow: Row = {
  title: 'Health of operator and sidecars',
  panels: [
    {
      title: 'Time the sidecar adds',
      description:
        '95 % of requests wait less: until SAP is called, and in all of an answer that is no stream.',
      kind: 'timeseries',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le, phase) (rate(sapaibudget_overhead_seconds_bucket[$__rate_interval])))',
          legend: '{{phase}}',
        },
      ],
    },
    {
      title: 'Calls of sidecars to the operator',
      description: 'Per second, by call and outcome.',
      kind: 'timeseries',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          expr: 'sum by (call, outcome) (rate(sapaibudget_endpoint_requests_total[$__rate_interval]))',
          legend: '{{call}} {{outcome}}',
        },
        {
          expr: 'sum by (result) (rate(sapaibudget_upstream_token_refresh_total[$__rate_interval]))',
          legend: 'token in sidecar {{result}}',
        },
      ],
    },
    {
      title: 'Lease messages',
      description: '95 % are answered within.',
      kind: 'timeseries',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le) (rate(sapaibudget_endpoint_request_duration_seconds_bucket{call="lease"}[$__rate_interval])))',
          legend: 'lease',
        },
      ],
    },
    {
      title: 'Writes of ledgers',
      description: 'Per second, by outcome; and bytes per second.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [
        {
          expr: 'sum by (outcome) (rate(sapaibudget_ledger_writes_total[$__rate_interval]))',
          legend: '{{outcome}}',
        },
        { expr: 'sum(rate(sapaibudget_ledger_written_bytes_total[$__rate_interval]))', legend: 'bytes' },
      ],
    },
    {
      title: 'What happened to leases',
      description: 'In the last hour, by the reason of the event.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [
        { expr: 'sum by (reason) (increase(sapaibudget_ledger_events_total[1h]))', legend: '{{reason}}' },
      ],
    },
    {
      title: 'Reconciles that failed',
      description: 'Per second, by controller.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [
        {
          expr: 'sum by (controller) (rate(sapaibudget_reconcile_total{result="error"}[$__rate_interval]))',
          legend: '{{controller}}',
        },
      ],
    },
    {
      title: 'New pods',
      description: 'Per second, by what the webhook did.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [
        {
          expr: 'sum by (outcome) (rate(sapaibudget_admissions_total[$__rate_interval]))',
          legend: '{{outcome}}',
        },
      ],
    },
    {
      title: 'Calls to the Kubernetes API',
      description: 'Per second, by class of status; 0 is no answer.',
      kind: 'timeseries',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          expr: 'sum by (code_class) (rate(sapaibudget_kubernetes_requests_total[$__rate_interval]))',
          legend: '{{code_class}}',
        },
      ],
    },
    {
      title: 'End of the certificate',
      description: 'Renewed long before.',
      kind: 'stat',
      unit: 'dateTimeFromNow',
      width: 4,
      queries: [
        { expr: '1000 * min(sapaibudget_certificate_expiry_timestamp_seconds)', legend: 'certificate' },
      ],
    },
    {
      title: 'Version',
      description: 'Of the operator.',
      kind: 'stat',
      unit: units,
      width: 4,
      queries: [{ expr: 'sum by (version) (sapaibudget_build_info)', legend: '{{version}}' }],
    },
  ],
};

