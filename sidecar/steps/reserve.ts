import { type NanoCu, formatAmount } from '../../accounting/amount.ts';
import type { LedgerFigures } from '../../accounting/messages.ts';
import type { Admission } from '../admission.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Exchange } from '../exchange.ts';
import { LeaseError, type RoundReport, type Shortage } from '../lease/lease-error.ts';
import type { Leases } from '../leases.ts';
import { ProxyError } from '../proxy-error.ts';
import type { Demand } from './bound-request.ts';

/**
 * Reserves what a request can cost, or less with a lower output limit where the budget pays for no more.
 *
 * @throws ProxyError `exhausted`, `lease_unavailable`, `journal_unavailable`, `too_many_waiting`, `client_gone`
 */
export async function reserve(
  exchange: Exchange,
  request: Pick<Admission, 'catalogue' | 'target' | 'family' | 'demand'>,
  leases: Leases,
): Promise<Admission> {
  const { catalogue, demand } = request;
  try {
    const holder = leases.of(catalogue.budget);
    const reservation = await holder.reserve(exchange.id, demand.wish, exchange.gone);
    const lowered =
      reservation.amount < demand.wish.amount ? demand.limitsFor(reservation.amount) : undefined;
    return {
      ...request,
      holder,
      reservation,
      limits: lowered ?? demand.sentLimits,
      clampedTokens: lowered === undefined ? undefined : Math.max(...lowered),
    };
  } catch (error) {
    if (!(error instanceof LeaseError)) throw error;
    if (error.shortage === undefined)
      throw new ProxyError(proxyReason(error), error.message, { cause: error });
    throw denial(catalogue, demand, error.shortage);
  }
}

function proxyReason({ reason }: LeaseError) {
  return reason === 'exhausted' ? 'lease_unavailable' : reason;
}

/** Says what is spent, by whom it is held, and when there will be more. */
function denial({ budget }: Catalogue, { wish }: Demand, shortage: Shortage): ProxyError {
  const { ledger, unreported, idle, overdrawn, round } = shortage;
  const name = `${budget.namespace}/${budget.budget}`;
  const facts = {
    budget: name,
    period: budget.ledger.period.name,
    cap: formatAmount(ledger.cap),
    spent: formatAmount(ledger.settled + unreported),
    held: formatAmount(ledger.held),
    // For the ledger, what was settled here and what is idle here is outstanding, too.
    reserved: formatAmount(difference(ledger.outstanding, unreported + idle)),
    requested: formatAmount(wish.amount),
    requestedAtLeast: formatAmount(wish.smallest),
    grantable: formatAmount(ledger.grantable + idle),
    overcommitted: formatAmount(overdrawn),
    guaranteedToOthers: formatAmount(ledger.guaranteedToOthers),
    waitedFor: formatAmount(ledger.waitedFor),
    ...(ledger.parent && {
      parent: ledger.parent.budget,
      parentGrantable: formatAmount(ledger.parent.grantable),
    }),
    recallRound: round.number,
    recallTime: new Date(round.beganMs).toISOString(),
    holdersAsked: round.asked,
    holdersSilent: round.silent,
    recalled: formatAmount(round.returned),
    resetTime: new Date(budget.ledger.period.endMs).toISOString(),
  };
  const message =
    `Budget ${name} cannot pay for this request in period ${facts.period}: it can cost ${facts.requested} CU ` +
    `(${facts.requestedAtLeast} CU with the shortest answer), and ${facts.grantable} CU are left. ` +
    `Of the cap of ${facts.cap} CU, ${facts.spent} are spent, ${facts.reserved} reserved by requests and leases, ` +
    `${facts.held} held${setAside(ledger)}. ${askedOthers(round)} It resets at ${facts.resetTime}. ` +
    `Look with: kubectl describe saib ${budget.budget} -n ${budget.namespace}`;
  return new ProxyError('exhausted', message, { facts });
}

/** What is left and not for this request, and how far the budget above limits it. */
function setAside({ guaranteedToOthers, waitedFor, parent }: LedgerFigures): string {
  return [
    guaranteedToOthers > 0n && `, ${formatAmount(guaranteedToOthers)} guaranteed to other budgets`,
    waitedFor > 0n && `, ${formatAmount(waitedFor)} waited for by requests that came before`,
    parent && `; ${parent.budget} above it can add ${formatAmount(parent.grantable)}`,
  ]
    .filter(Boolean)
    .join('');
}

/** What was done before the refusal. */
function askedOthers({ asked, silent, returned }: RoundReport): string {
  if (asked === 0) return 'Nobody else holds what would be enough.';
  const found = `${asked} other holders were asked and gave back ${formatAmount(returned)} CU`;
  return silent === 0 ? `${found}.` : `${found}; ${silent} of them did not answer.`;
}

function difference(whole: NanoCu, part: NanoCu): NanoCu {
  return whole > part ? whole - part : 0n;
}
