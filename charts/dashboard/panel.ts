/** One line of a panel. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** A panel as it is written here; how Grafana wants it is another file's matter. */
export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly kind: 'stat' | 'gauge' | 'timeseries';
  /** Grafana's name of a unit; CU have none. */
  readonly unit: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly queries: readonly Query[];
}

/** Panels under a common heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** CU have no unit that Grafana knows. */
export const units = 'none';
/** Matchers of the budgets that were chosen. */
export const selected = 'budget_namespace=~"$namespace",budget=~"$budget"';
/** Refusals that came before their budget was known are shown with every budget. */
export const selectedOrNone = 'budget_namespace=~"$namespace|",budget=~"$budget|"';
/** A figure for each budget. */
export const perBudget = 'by (budget_namespace, budget)';
/** A figure of each budget that was chosen, whichever pod of the operator tells it. */
export const of = (metric: string): string => `max ${perBudget} (${metric}{${selected}})`;
/** The sum over the budgets that were chosen: what one below another one spent is in that one's figures already. */
export const sumOf = (metric: string): string =>
  `sum(${of(metric)} unless on (budget_namespace, budget) ` +
  'sapaibudget_budget_parent{parent_namespace=~"$namespace",parent=~"$budget"})';
/** How a line of one budget is called. */
export const budgetLegend = '{{budget_namespace}}/{{budget}}';
/** Per second, of the budgets that were chosen. */
export const rate = (metric: string, matchers = selected): string =>
  `rate(${metric}{${matchers}}[$__rate_interval])`;
/** CU per second, over the last day. */
export const pace = `avg ${perBudget} (deriv(sapaibudget_settled_capacity_units{${selected}}[1d]))`;
/** The value that this share of a histogram is below. */
export const quantile = (share: number, histogram: string): string =>
  `histogram_quantile(${share}, sum by (le) (${rate(`${histogram}_bucket`)}))`;

