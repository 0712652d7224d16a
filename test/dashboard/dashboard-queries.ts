import { dashboardRows } from '../../charts/dashboard/dashboard.ts';

/** A query of the dashboard, as Grafana would ask it with everything selected. */
export interface DashboardQuery {
  readonly title: string;
  readonly legend: string;
  readonly query: string;
}

/** All of them, in the dashboard's order. */
export const dashboardQueries: readonly DashboardQuery[] = dashboardRows
  .flatMap(({ panels }) => panels)
  .flatMap(({ title, queries }) =>
    queries.map(({ expr, legend }) => ({ title, legend, query: filledIn(expr, { budget: '.*' }) })),
  );

/** The expression with its variables filled in; the window is longer than what a test needs to spend. */
export function filledIn(expression: string, { budget }: { budget: string }): string {
  return expression
    .replaceAll('$__rate_interval', '10m')
    .replaceAll('$namespace', '.*')
    .replaceAll('$budget', budget);
}
