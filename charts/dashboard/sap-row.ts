import type { Row } from './panel.ts';
import { selected, budgetLegend, of, quantile, rate, units } from './panel.ts';

/** How SAP answers, and what it billed. */
export const sapRow: Row = {
  title: 'SAP',
  panels: [
    {
      title: 'Duration of requests',
      description: 'Until the end of the answer.',
      kind: 'timeseries',
      unit: 's',
      width: 8,
      queries: [
        { expr: quantile(0.5, 'gen_ai_client_operation_duration_seconds'), legend: 'median' },
        { expr: quantile(0.95, 'gen_ai_client_operation_duration_seconds'), legend: '95 %' },
      ],
    },
    {
      title: 'Streams',
      description: 'Time to the first event, and between events; 95 % are faster.',
      kind: 'timeseries',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: quantile(0.95, 'gen_ai_client_operation_time_to_first_chunk_seconds'),
          legend: 'first event',
        },
        {
          expr: quantile(0.95, 'gen_ai_client_operation_time_per_output_chunk_seconds'),
          legend: 'next event',
        },
      ],
    },
    {
      title: 'Throttled by SAP',
      description: 'Answers 429 of SAP per second, which are no refusals of the budget.',
      kind: 'timeseries',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: `sum by (model) (${rate('sapaibudget_upstream_throttled_total')})`, legend: '{{model}}' },
      ],
    },
    {
      title: 'Age of usage data',
      description: 'Since the end of the newest day that SAP has reported.',
      kind: 'stat',
      unit: 's',
      width: 6,
      queries: [{ expr: `time() - ${of('sapaibudget_usage_data_timestamp_seconds')}`, legend: budgetLegend }],
    },
    {
      title: 'Subscription',
      description: 'Purchased, consumed by anybody, and what remains, by what SAP billed.',
      kind: 'stat',
      unit: units,
      width: 6,
      queries: [
        { expr: `max by (budget_namespace, budget, measure) (sapaibudget_subscription_capacity_units{${selected}})`, legend: `{{measure}} of ${budgetLegend}` },
      ],
    },
    {
      title: 'Unattributed',
      description: 'Billed in this period, but not metered by the budget.',
      kind: 'stat',
      unit: units,
      width: 6,
      queries: [{ expr: of('sapaibudget_unattributed_capacity_units'), legend: budgetLegend }],
    },
    {
      title: 'Polls of usage',
      description: 'Per hour, by result.',
      kind: 'timeseries',
      unit: units,
      width: 6,
      queries: [
        {
          expr: '3600 * sum by (result) (rate(sapaibudget_usage_polls_total[$__rate_interval]))',
          legend: '{{result}}',
        },
      ],
    },
  ],
};

