import { formatAmount } from '../../accounting/amount.ts';
import { idle } from '../../accounting/lease.ts';
import type { LedgerFigures } from '../../accounting/messages.ts';
import { unknownByReason } from '../../accounting/unknown-costs.ts';
import { type Exchange, sendPlain } from '../exchange.ts';
import type { Clock } from '../clock.ts';
import type { CurrentBudget } from '../configuration.ts';
import type { LeaseHolder } from '../lease/holder.ts';
import type { RoundReport } from '../lease/lease-error.ts';
import type { Services } from '../services.ts';

/** Says which budgets this pod has, what their leases hold, and what was refused last. */
export function answerStatus(exchange: Exchange, services: Services): void {
  const { configuration, leases, denials, clock } = services;
  // All budgets of a pod are of its own namespace.
  const [{ namespace } = {}] = [...(configuration.budgets?.values() ?? [])].map(namesOf);
  const status = {
    configuration: { loaded: configuration.loaded, etag: configuration.etag ?? null },
    budgets: [...(configuration.budgets?.values() ?? [])].map(budgetStatus),
    leases: leases.holders.map((holder) => leaseStatus(holder, { namespace, clock })),
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
    const { reason, message } = current.budget;
    return { budget: fullName(namesOf(current)), state: current.state, reason, message };
  }
  const { ledger, priceVersion, resourceGroups } = current.catalogue.budget;
  return {
    budget: fullName(namesOf(current)),
    state: current.state,
    ledger: ledger.name,
    /** Who has what since when, and how it comes back. */
    heldRows: `kubectl get sail -A --field-selector metadata.name=${ledger.name} -o jsonpath='{.items[*].spec.heldRows}'`,
    period: ledger.period.name,
    resetTime: isoTime(ledger.period.endMs),
    priceVersion,
    resourceGroups,
  };
}

/** Namespace and name of a budget, whatever its state. */
function namesOf(current: CurrentBudget): { namespace: string; budget: string } {
  return current.state === 'unavailable' ? current.budget : current.catalogue.budget;
}

/** Before the first configuration a recovered lease knows no namespace. */
function fullName({ namespace, budget }: { namespace: string | undefined; budget: string }): string {
  return namespace === undefined ? budget : `${namespace}/${budget}`;
}

function leaseStatus(
  holder: LeaseHolder,
  { namespace, clock }: { namespace: string | undefined; clock: Clock },
) {
  const { lease, last, lastRound, phase, waiting } = holder;
  const endsInMs = last === undefined ? 0 : Math.max(0, last.endsAtMs - clock.monotonicMs());
  return {
    budget: fullName({ namespace, budget: lease.budget }),
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
    unknown: unknownByReason(lease).map(({ amount, sinceMs, ...cost }) => ({
      ...cost,
      since: isoTime(sinceMs),
      amount: formatAmount(amount),
    })),
    ledger: last === undefined ? null : ledgerStatus(last.figures),
    lastRound: lastRound === undefined ? null : roundStatus(lastRound),
    endsAt: last === undefined ? null : isoTime(clock.wallMs() + endsInMs),
  };
}

/** Where the ledger stood when it answered last. */
function ledgerStatus({ cap, settled, outstanding, held, parent, ...rest }: LedgerFigures) {
  return {
    cap: formatAmount(cap),
    spent: formatAmount(settled),
    reserved: formatAmount(outstanding),
    held: formatAmount(held),
    guaranteedToOthers: formatAmount(rest.guaranteedToOthers),
    waitedFor: formatAmount(rest.waitedFor),
    ...(parent && { parent: parent.budget, parentGrantable: formatAmount(parent.grantable) }),
    grantable: formatAmount(rest.grantable),
    enforced: rest.enforced,
  };
}

function roundStatus({ beganMs, returned, grantable, ...rest }: RoundReport) {
  return {
    ...rest,
    at: isoTime(beganMs),
    returned: formatAmount(returned),
    grantable: formatAmount(grantable),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
