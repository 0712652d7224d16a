import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { NanoCu } from '../accounting/amount.ts';
import { nanoPerCu } from '../accounting/amount.ts';
import { unknownReason } from '../accounting/messages.ts';
import type { Catalogue } from './catalogue.ts';
import { sidecarMetricTable as table } from './metric-table.ts';
import { type ProxyReason, proxyReasons } from './proxy-error.ts';

/** How a request of the application ended. */
export type RequestOutcome = 'ok' | 'upstream_error' | 'denied' | 'refused' | 'clamped' | 'client_gone';

/** All metrics of a sidecar, in a registry of their own. */
export type SidecarMetrics = ReturnType<typeof createMetrics>;

/** Makes the metrics of the table; what can happen before there is a configuration begins at 0. */
export function createMetrics() {
  const registry = new Registry();
  const make = makers(registry);
  const metrics = {
    registry,
    inputTokens: make.counter(table.inputTokens),
    outputTokens: make.counter(table.outputTokens),
    cacheReadTokens: make.counter(table.cacheReadTokens),
    reasoningTokens: make.counter(table.reasoningTokens),
    tokenUsage: make.histogram(table.tokenUsage),
    spent: make.counter(table.spent),
    duration: make.histogram(table.duration),
    firstChunk: make.histogram(table.firstChunk),
    outputChunk: make.histogram(table.outputChunk),
    requests: make.counter(table.requests),
    denied: make.counter(table.denied),
    unknownUsage: make.counter(table.unknownUsage),
    clamped: make.counter(table.clamped),
    overrun: make.counter(table.overrun),
    boundUse: make.gauge(table.boundUse),
    overhead: make.histogram(table.overhead),
    inFlight: make.gauge(table.inFlight),
    unmeteredHeaders: make.counter(table.unmeteredHeaders),
    throttled: make.counter(table.throttled),
    leaseUnits: make.gauge(table.leaseUnits),
    leaseExpiry: make.gauge(table.leaseExpiry),
    leasesBarred: make.gauge(table.leasesBarred),
    tokenRefresh: make.counter(table.tokenRefresh),
  };
  for (const reason of proxyReasons) metrics.denied.inc({ budget: '', budget_namespace: '', reason }, 0);
  for (const result of ['ok', 'failed']) metrics.tokenRefresh.inc({ result }, 0);
  return metrics;
}

interface Row<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
}

function makers(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string>({ name, help, labels }: Row<L>) =>
      new Counter<L>({ name, help, labelNames: [...labels], registers }),
    gauge: <L extends string>({ name, help, labels }: Row<L>) =>
      new Gauge<L>({ name, help, labelNames: [...labels], registers }),
    histogram: <L extends string>({ name, help, labels, buckets }: Row<L> & { buckets: readonly number[] }) =>
      new Histogram<L>({ name, help, labelNames: [...labels], buckets: [...buckets], registers }),
  };
}

/** CU as Prometheus counts them; a float for graphs only, never computed with. */
export function metricUnits(nano: NanoCu): number {
  return Number(nano) / Number(nanoPerCu);
}

/** Refusals that say something about a budget, not about a request. */
const budgetReasons: readonly ProxyReason[] = ['exhausted', 'lease_unavailable', 'budget_unavailable'];

/** Lets what may happen to a budget and its models begin at 0: a rate over "never happened" is 0, not missing. */
export function startBudgetAtZero(metrics: SidecarMetrics, catalogue: Catalogue): void {
  const { namespace, budget, deployments } = catalogue.budget;
  const labels = { budget, budget_namespace: namespace };
  for (const reason of budgetReasons) metrics.denied.inc({ ...labels, reason }, 0);
  for (const reason of unknownReason.options) metrics.unknownUsage.inc({ ...labels, reason }, 0);
  metrics.unmeteredHeaders.inc(labels, 0);
  for (const deployment of deployments) {
    const lookup = catalogue.model(deployment);
    if (lookup.kind !== 'priced') continue;
    const { resourceGroup } = deployment;
    const perModel = { ...labels, model: lookup.model.model, resource_group: resourceGroup };
    metrics.spent.inc({ ...perModel, component: 'tokens' }, 0);
    for (const counter of [metrics.clamped, metrics.overrun, metrics.throttled]) counter.inc(perModel, 0);
  }
}
