import type { NanoCu } from '../accounting/amount.ts';
import { nanoPerCu } from '../accounting/amount.ts';
import { unknownReason } from '../accounting/messages.ts';
import type { Catalogue } from './catalogue.ts';
import { Counter, Gauge, Histogram } from './metric.ts';
import { sidecarMetricTable as table } from './metric-table.ts';
import { type ProxyReason, proxyReasons } from './proxy-error.ts';

/** How a request of the application ended. */
export type RequestOutcome = 'ok' | 'upstream_error' | 'denied' | 'refused' | 'clamped' | 'client_gone';

/** All metrics of a sidecar. */
export type SidecarMetrics = ReturnType<typeof createMetrics>;

/** Makes the metrics of the table; what can happen before there is a configuration begins at 0. */
export function createMetrics() {
  const metrics = {
    inputTokens: new Counter(table.inputTokens),
    outputTokens: new Counter(table.outputTokens),
    cacheReadTokens: new Counter(table.cacheReadTokens),
    reasoningTokens: new Counter(table.reasoningTokens),
    tokenUsage: new Histogram(table.tokenUsage),
    spent: new Counter(table.spent),
    duration: new Histogram(table.duration),
    firstChunk: new Histogram(table.firstChunk),
    outputChunk: new Histogram(table.outputChunk),
    requests: new Counter(table.requests),
    denied: new Counter(table.denied),
    unknownUsage: new Counter(table.unknownUsage),
    clamped: new Counter(table.clamped),
    overrun: new Counter(table.overrun),
    boundUse: new Gauge(table.boundUse),
    overhead: new Histogram(table.overhead),
    inFlight: new Gauge(table.inFlight),
    unmeteredHeaders: new Counter(table.unmeteredHeaders),
    throttled: new Counter(table.throttled),
    leaseUnits: new Gauge(table.leaseUnits),
    leaseExpiry: new Gauge(table.leaseExpiry),
    leasesBarred: new Gauge(table.leasesBarred),
    tokenRefresh: new Counter(table.tokenRefresh),
  };
  for (const reason of proxyReasons) metrics.denied.inc({ budget: '', budget_namespace: '', reason }, 0);
  for (const result of ['ok', 'failed']) metrics.tokenRefresh.inc({ result }, 0);
  return metrics;
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
