import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { NanoCu } from '../accounting/amount.ts';
import { nanoPerCu } from '../accounting/amount.ts';
import { unknownReason } from '../accounting/messages.ts';
import { proxyReasons } from './proxy-error.ts';

/** How a request of the application ended. */
export type RequestOutcome = 'ok' | 'upstream_error' | 'denied' | 'refused' | 'clamped' | 'client_gone';

const perModel = ['budget', 'budget_namespace', 'model', 'resource_group'] as const;
const perBudget = ['budget', 'budget_namespace'] as const;
const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];
const durationBuckets = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/** All metrics of a sidecar, in a registry of their own. */
export type SidecarMetrics = ReturnType<typeof createMetrics>;

/**
 * Makes the metrics. Label values are closed sets: budgets and models of the configuration, reasons and outcomes
 * of this program.
 */
export function createMetrics() {
  const registry = new Registry();
  const make = makers(registry);
  const metrics = { registry, ...tokenMetrics(make), ...requestMetrics(make), ...leaseMetrics(make) };
  startAtZero(metrics);
  return metrics;
}

type Makers = ReturnType<typeof makers>;

function makers(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Counter<L>({ name, help, labelNames: [...labelNames], registers }),
    gauge: <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Gauge<L>({ name, help, labelNames: [...labelNames], registers }),
    histogram: <L extends string>(
      name: string,
      help: string,
      labels: { names: readonly L[]; buckets: number[] },
    ) => new Histogram<L>({ name, help, labelNames: [...labels.names], buckets: labels.buckets, registers }),
  };
}

const usage = 'gen_ai_client_inference_usage';

function tokenMetrics({ counter }: Makers) {
  return {
    inputTokens: counter(
      `${usage}_input_tokens_total`,
      'Input tokens SAP reported, cached ones included',
      perModel,
    ),
    outputTokens: counter(
      `${usage}_output_tokens_total`,
      'Output tokens SAP reported, reasoning included',
      perModel,
    ),
    cacheReadTokens: counter(
      `${usage}_cache_read_input_tokens_total`,
      'Input tokens read from a cache, part of input',
      perModel,
    ),
    reasoningTokens: counter(
      `${usage}_reasoning_output_tokens_total`,
      'Reasoning tokens, part of output',
      perModel,
    ),
    spent: counter('sapaibudget_spent_capacity_units_total', 'Capacity units that requests cost, as booked', [
      ...perModel,
      'component',
    ]),
  };
}

function requestMetrics({ counter, gauge, histogram }: Makers) {
  const overhead = { names: ['phase'] as const, buckets: overheadBuckets };
  const duration = { names: perModel, buckets: durationBuckets };
  return {
    duration: histogram(
      'gen_ai_client_operation_duration_seconds',
      'From the arrival of a request to the end of its answer',
      duration,
    ),
    requests: counter('sapaibudget_requests_total', 'Inference requests by how they ended', [
      ...perBudget,
      'outcome',
      'code_class',
    ]),
    refused: counter('sapaibudget_denied_total', 'Requests the sidecar answered with an error, by reason', [
      'reason',
    ]),
    unknownUsage: counter('sapaibudget_unknown_usage_total', 'Requests whose cost is not known, by reason', [
      'reason',
    ]),
    clamped: counter(
      'sapaibudget_clamped_requests_total',
      'Requests whose output limit was lowered to what the budget can pay',
      perModel,
    ),
    overrun: counter(
      'sapaibudget_overrun_requests_total',
      'Requests that cost more than they had reserved',
      perModel,
    ),
    boundUse: gauge(
      'sapaibudget_bound_use_max_ratio',
      'Largest real cost of a request divided by its reservation',
      ['model'],
    ),
    overhead: histogram('sapaibudget_overhead_seconds', 'Time the sidecar adds', overhead),
    inFlight: gauge('sapaibudget_in_flight_requests', 'Inference requests under way', []),
    unmeteredHeaders: counter(
      'sapaibudget_unmetered_header_calls_total',
      'Calls with headers of unified metering that SAP would not count: one is missing or not valid',
      perBudget,
    ),
    throttled: counter('sapaibudget_upstream_throttled_total', 'Answers 429 of SAP', perModel),
  };
}

function leaseMetrics({ counter, gauge }: Makers) {
  return {
    leaseUnits: gauge('sapaibudget_lease_capacity_units', 'Capacity units of this sidecar’s lease', [
      'budget',
      'state',
    ]),
    leasesBarred: gauge(
      'sapaibudget_leases_barred',
      'Leases never spent again, because their figures contradict the ledger',
      [],
    ),
    tokenRefresh: counter(
      'sapaibudget_upstream_token_refresh_total',
      'SAP access tokens fetched from the operator',
      ['result'],
    ),
  };
}

/** CU as Prometheus counts them; a float for graphs only, never computed with. */
export function metricUnits(nano: NanoCu): number {
  return Number(nano) / Number(nanoPerCu);
}

function startAtZero(metrics: {
  refused: Counter<'reason'>;
  unknownUsage: Counter<'reason'>;
  tokenRefresh: Counter<'result'>;
}): void {
  for (const reason of proxyReasons) metrics.refused.inc({ reason }, 0);
  for (const reason of unknownReason.options) metrics.unknownUsage.inc({ reason }, 0);
  for (const result of ['ok', 'failed']) metrics.tokenRefresh.inc({ result }, 0);
}
