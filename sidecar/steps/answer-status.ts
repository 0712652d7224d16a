import { formatAmount } from '../../accounting/amount.ts';
import { idle, unknownByReason } from '../../accounting/lease.ts';
import { type Exchange, sendPlain } from '../exchange.ts';
import type { CurrentBudget } from '../configuration.ts';
import type { LeaseHolder } from '../lease/holder.ts';
import type { Services } from '../services.ts';

/** Says which budgets this pod has, what their leases hold, and what was refused last. */
export function answerStatus(exchange: Exchange, services: Services): void {
  const { configuration, leases, denials, clock } = services;
  const status = {
    configuration: { loaded: configuration.loaded, etag: configuration.etag ?? null },
    budgets: [...(configuration.budgets?.values() ?? [])].map(budgetStatus),
    leases: leases.holders.map((holder) => leaseStatus(holder, clock.monotonicMs())),
    lastDenials: denials.last,
  };
  sendPlain(exchange, {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(status, undefined, 2),
  });
}

function budgetStatus(current: CurrentBudget) {
  if (current.state === 'unavailable') {
    const { namespace, budget, reason, message } = current.budget;
    return { budget: `${namespace}/${budget}`, state: current.state, reason, message };
  }
  const { namespace, budget, ledger, priceVersion, resourceGroups } = current.catalogue.budget;
  return {
    budget: `${namespace}/${budget}`,
    state: current.state,
    ledger: ledger.name,
    period: ledger.period.name,
    resetTime: new Date(ledger.period.endMs).toISOString(),
    priceVersion,
    resourceGroups,
  };
}

function leaseStatus(holder: LeaseHolder, nowMs: number) {
  const { lease, last, phase, waiting } = holder;
  return {
    budget: lease.budget,
    ledgerUid: lease.ledgerUid,
    phase,
    incarnation: lease.incarnation,
    reports: lease.seq,
    waiting,
    granted: formatAmount(lease.granted),
    idle: formatAmount(idle(lease)),
    reserved: formatAmount(lease.reserved),
    requestsUnderWay: lease.reservations.size,
    spent: formatAmount(lease.spent),
    overrun: formatAmount(lease.overrun),
    returned: formatAmount(lease.returned),
    lost: formatAmount(lease.lost),
    unknown: unknownByReason(lease).map(({ amount, ...cost }) => ({ ...cost, amount: formatAmount(amount) })),
    endsInSeconds: last === undefined ? 0 : Math.max(0, Math.floor((last.endsAtMs - nowMs) / 1000)),
  };
}
