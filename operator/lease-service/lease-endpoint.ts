import { refusal } from '../../accounting/lease-answers.ts';
import { encodeMessage, leaseRequest } from '../../accounting/messages.ts';
import type { LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import { budgetKey } from '../configuration/budget-ref.ts';
import type { Clock } from '../kube/clock.ts';
import type { LeaseBook, Ledgers } from '../ledger/ledgers.ts';
import type { Caller, Endpoint } from './caller.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { EndpointError, parseMessage } from './errors.ts';
import type { PodIdentity } from './pod-directory.ts';

/** The call under way, and its repetition by a sidecar that gave up waiting for it. */
const maxCallsOfRow = 2;

/**
 * `POST /v1/lease`. The actor of the ledger books one message after the other, so that what one row sends is in order.
 * Figures of a pod that has a row are booked whatever its labels say now; granted is only what they allow.
 */
export function leaseEndpoint({
  ledgers,
  clock,
  leaseSeconds,
  onLedgerUnknown,
}: {
  ledgers: Pick<Ledgers, 'find'>;
  clock: Clock;
  leaseSeconds: number;
  /** Told of a report to a ledger that is not there: what it says is not booked. */
  onLedgerUnknown: (pod: PodIdentity) => void;
}): Endpoint {
  const underWay = new CallsUnderWay(maxCallsOfRow);
  return async (caller, body) => {
    const request = parseMessage(leaseRequest, body);
    const holder = { ...holderOf(caller), nowMs: clock.nowMs(), leaseSeconds };
    const answer = await underWay.run(`${holder.key} ${request.ledgerUid}`, async () => {
      const { book, mayGrant } = await chooseBook(ledgers, request, caller);
      // By now another process of this pod may be at work: it would lose its lease to one that has gone.
      if (request.kind === 'open') caller.signal.throwIfAborted();
      if (book) return book.handle(request, { ...holder, mayGrant }, caller.signal);
      if (request.kind === 'report') onLedgerUnknown(caller.pod);
      return refusal('ledger_unknown');
    });
    return encodeMessage(answer satisfies LeaseAnswer);
  };
}

/** Key and name of the row of a pod. */
export function holderOf({ pod }: Caller): { key: string; name: string } {
  return { key: `pod:${pod.uid}`, name: `${pod.namespace}/${pod.name}` };
}

async function chooseBook(
  ledgers: Pick<Ledgers, 'find'>,
  request: LeaseRequest,
  caller: Caller,
): Promise<{ book: LeaseBook | undefined; mayGrant: boolean }> {
  const budget = { namespace: caller.pod.namespace, name: request.budget };
  const allowed = caller.budgets.some(({ name }) => name === budget.name);
  const book = await ledgers.find(request.ledgerUid, budget, { signal: caller.signal });
  if (book && budgetKey(book.budget) !== budgetKey(budget)) throw new EndpointError('ledger_of_other_budget');
  if (!allowed && !(await book?.hasRow(holderOf(caller).key)))
    throw new EndpointError('budget_not_allowed', budgetKey(budget));
  return { book, mayGrant: allowed };
}
