import { operatorMetricTable } from '../operator/metric-table.ts';
import { sidecarMetricTable } from '../sidecar/metric-table.ts';

/** One metric as pages, dashboards and alerts see it. */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** The metrics of both programs, from the tables that the programs make them from. */
export const metricRows: Readonly<Record<'sidecar' | 'operator', readonly MetricRow[]>> = {
  sidecar: Object.values(sidecarMetricTable),
  operator: Object.values(operatorMetricTable),
};

/** Labels that whoever scrapes adds, and the one that tells a bucket. */
const labelsOfAll = ['namespace', 'pod', 'container', 'job', 'instance', 'le'];

/** The labels that a series of this name can have; undefined where no program has such a series. */
export function labelsOf(series: string): ReadonlySet<string> | undefined {
  const rows = [...metricRows.sidecar, ...metricRows.operator];
  const row = rows.find((one) => seriesOf(one).includes(series));
  return row && new Set([...row.labels, ...labelsOfAll]);
}

function seriesOf({ type, name }: MetricRow): string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name];
}
