import type { Row } from './panel.ts';
import { selected, budgetLegend, of, perBudget, rate, units } from './panel.ts';

/** Leases, and costs that nobody knows yet. */
export const unknownRow: Row = {
  title: 'What is not known',
  panels: [
    {
      title: 'Held and overrun',
      description: 'Held: set aside until a cost is known. Overrun: spent beyond what was granted.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [
        { expr: of('sapaibudget_held_capacity_units'), legend: `held of ${budgetLegend}` },
        { expr: of('sapaibudget_overrun_capacity_units'), legend: `overrun of ${budgetLegend}` },
      ],
    },
    {
      title: 'Requests of unknown cost by reason',
      description: 'Per second; each holds its worst case.',
      kind: 'timeseries',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: `sum by (reason) (${rate('sapaibudget_unknown_usage_total')})`, legend: '{{reason}}' },
      ],
    },
    {
      title: 'Leases by state',
      description: 'CU that sidecars hold: free to use, reserved by requests under way, of unknown cost.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [{ expr: `sum by (state) (sapaibudget_lease_capacity_units{${selected}})`, legend: '{{state}}' }],
    },
    {
      title: 'Leases granted and returned',
      description: 'CU per hour; what is returned unused was granted for nothing.',
      kind: 'timeseries',
      unit: units,
      width: 8,
      queries: [
        { expr: `3600 * sum(${rate('sapaibudget_leases_issued_capacity_units_total')})`, legend: 'granted' },
        {
          expr: `3600 * sum(${rate('sapaibudget_leases_refunded_capacity_units_total')})`,
          legend: 'returned',
        },
      ],
    },
    {
      title: 'Soonest end of a lease',
      description: 'If the operator stays silent; below zero a sidecar spends no more than it holds already.',
      kind: 'timeseries',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `min ${perBudget} (sapaibudget_lease_expiry_timestamp_seconds{${selected}}) - time()`,
          legend: budgetLegend,
        },
      ],
    },
    {
      title: 'Lowered output limits and overruns',
      description:
        'Requests per second whose output limit the budget could not pay, and that cost more than their bound.',
      kind: 'timeseries',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: `sum(${rate('sapaibudget_clamped_requests_total')})`, legend: 'limit lowered' },
        { expr: `sum(${rate('sapaibudget_overrun_requests_total')})`, legend: 'above its bound' },
      ],
    },
    {
      title: 'Largest cost ÷ bound',
      description: 'By model; above 0.9 a bound is close to failing.',
      kind: 'timeseries',
      unit: 'percentunit',
      width: 8,
      queries: [{ expr: 'max by (model) (sapaibudget_bound_use_max_ratio)', legend: '{{model}}' }],
    },
  ],
};

