import type { Row } from './panel.ts';
import { budgetLegend, of, pace, perBudget, rate, selectedOrNone, sumOf, units } from './panel.ts';

/** Where budgets stand. */
export const budgetRow: Row = {
  title: 'Budget',
  panels: [
    {
      title: 'Remaining',
      description: 'CU left to lease in the current period.',
      kind: 'stat',
      unit: units,
      width: 4,
      queries: [
        { expr: of('sapaibudget_remaining_capacity_units'), legend: budgetLegend },
      ],
    },
    {
      title: 'Used',
      description: 'Spent ÷ cap of the current period.',
      kind: 'gauge',
      unit: 'percentunit',
      width: 4,
      queries: [
        {
          expr: `${of('sapaibudget_settled_capacity_units')} / (${of('sapaibudget_limit_capacity_units')} > 0)`,
          legend: budgetLegend,
        },
      ],
    },
    {
      title: 'Burn per hour',
      description: 'CU that requests cost, in an hour at the pace of now.',
      kind: 'stat',
      unit: units,
      width: 4,
      queries: [
        {
          expr: `3600 * sum ${perBudget} (${rate('sapaibudget_spent_capacity_units_total')})`,
          legend: budgetLegend,
        },
      ],
    },
    {
      title: 'Projected exhaustion',
      description: 'When nothing is left at the pace of the last day; no value where nothing was spent.',
      kind: 'stat',
      unit: 'dateTimeFromNow',
      width: 4,
      queries: [
        {
          expr: `1000 * (time() + ${of('sapaibudget_remaining_capacity_units')} / (${pace} > 0))`,
          legend: budgetLegend,
        },
      ],
    },
    {
      title: 'Ready',
      description: '1 where pods can spend from the budget.',
      kind: 'stat',
      unit: units,
      width: 4,
      queries: [{ expr: of('sapaibudget_budget_ready'), legend: budgetLegend }],
    },
    {
      title: 'Pods without a sidecar',
      description: 'Running pods that the budget was chosen for and whose sidecar does not report.',
      kind: 'stat',
      unit: units,
      width: 4,
      queries: [
        {
          expr: `${of('sapaibudget_selected_pods')} - ${of('sapaibudget_enforced_pods')}`,
          legend: budgetLegend,
        },
      ],
    },
    {
      title: 'Where the cap is',
      description: 'Spent, leased to pods and held at worst case, beside the cap.',
      kind: 'timeseries',
      unit: units,
      width: 12,
      queries: [
        { expr: sumOf('sapaibudget_limit_capacity_units'), legend: 'cap' },
        { expr: sumOf('sapaibudget_settled_capacity_units'), legend: 'spent' },
        { expr: sumOf('sapaibudget_outstanding_capacity_units'), legend: 'leased' },
        { expr: sumOf('sapaibudget_held_capacity_units'), legend: 'held' },
      ],
    },
    {
      title: 'Projected spending at the end of the period',
      description: 'At the pace of the last day; above the cap, the budget will not last.',
      kind: 'timeseries',
      unit: units,
      width: 12,
      queries: [
        {
          expr: `${of('sapaibudget_settled_capacity_units')} + clamp_min(${pace}, 0) * (${of('sapaibudget_period_end_timestamp_seconds')} - time())`,
          legend: budgetLegend,
        },
        { expr: of('sapaibudget_limit_capacity_units'), legend: `cap of ${budgetLegend}` },
      ],
    },
  ],
};

/** Who spends it, and for what. */
export const spendingRow: Row = {
  title: 'Spending',
  panels: [
    {
      title: 'CU per hour by model',
      description: 'As booked.',
      kind: 'timeseries',
      unit: units,
      width: 12,
      queries: [
        {
          expr: `3600 * sum by (model) (${rate('sapaibudget_spent_capacity_units_total')})`,
          legend: '{{model}}',
        },
      ],
    },
    {
      title: 'CU per hour by pod',
      description: 'As booked.',
      kind: 'timeseries',
      unit: units,
      width: 12,
      queries: [
        {
          expr: `3600 * sum by (namespace, pod) (${rate('sapaibudget_spent_capacity_units_total')})`,
          legend: '{{namespace}}/{{pod}}',
        },
      ],
    },
    {
      title: 'Tokens per second',
      description: 'As SAP reported them; cached ones are part of input.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [
        { expr: `sum(${rate('gen_ai_client_inference_usage_input_tokens_total')})`, legend: 'input' },
        {
          expr: `sum(${rate('gen_ai_client_inference_usage_cache_read_input_tokens_total')})`,
          legend: 'cached',
        },
        { expr: `sum(${rate('gen_ai_client_inference_usage_output_tokens_total')})`, legend: 'output' },
      ],
    },
    {
      title: 'Requests by outcome',
      description: 'Per second.',
      kind: 'timeseries',
      unit: 'reqps',
      width: 8,
      queries: [{ expr: `sum by (outcome) (${rate('sapaibudget_requests_total')})`, legend: '{{outcome}}' }],
    },
    {
      title: 'Refusals by reason',
      description: 'Per second; what each reason means is in docs/errors.md.',
      kind: 'timeseries',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          expr: `sum by (reason) (${rate('sapaibudget_denied_total', selectedOrNone)}) > 0`,
          legend: '{{reason}}',
        },
      ],
    },
  ],
};

