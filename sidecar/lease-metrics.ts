import { idle } from '../accounting/lease.ts';
import type { Clock } from './clock.ts';
import type { Configuration } from './configuration.ts';
import type { Leases } from './leases.ts';
import { type SidecarMetrics, metricUnits } from './metrics.ts';

/** What the figures of leases are made from. */
export interface LeaseSources {
  readonly leases: Pick<Leases, 'holders'>;
  readonly configuration: Pick<Configuration, 'budgets'>;
  readonly metrics: SidecarMetrics;
  readonly clock: Clock;
}

/** Brings the gauges of leases up to date. A budget has two leases for a moment when its period changes: their sum counts. */
export function showLeases({ leases, configuration, metrics, clock }: LeaseSources): void {
  const { leaseUnits, leaseExpiry, leasesBarred } = metrics;
  leaseUnits.reset();
  leaseExpiry.reset();
  for (const { lease, last } of leases.holders) {
    const labels = { budget: lease.budget, budget_namespace: namespaceOf(lease.budget, configuration) };
    const states = { available: idle(lease), in_flight: lease.reserved, unknown: lease.unknown };
    for (const [state, amount] of Object.entries(states))
      leaseUnits.inc({ ...labels, state }, metricUnits(amount));
    if (last === undefined) continue;
    leaseExpiry.set(labels, (clock.wallMs() + last.endsAtMs - clock.monotonicMs()) / 1000);
  }
  leasesBarred.set({}, leases.holders.filter(({ phase }) => phase === 'barred').length);
}

/** Empty for a lease that was found before the configuration came. */
function namespaceOf(name: string, { budgets }: Pick<Configuration, 'budgets'>): string {
  const current = budgets?.get(name);
  if (current === undefined) return '';
  return current.state === 'ready' ? current.catalogue.budget.namespace : current.budget.namespace;
}
