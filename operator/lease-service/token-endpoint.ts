import { schemaVersion } from '../../accounting/message-parts.ts';
import { encodeMessage, tokenRequest } from '../../accounting/messages.ts';
import { budgetKey } from '../configuration/budget-ref.ts';
import type { Clock } from '../kube/clock.ts';
import type { Ledgers } from '../ledger/ledgers.ts';
import type { BudgetTokens } from '../sap/access-token.ts';
import type { Endpoint } from './caller.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { EndpointError, parseMessage } from './errors.ts';
import { holderOf } from './lease-endpoint.ts';

/** Sidecars give up after about as long. */
const sapMs = 10_000;
const maxCallsOfPod = 2;

/**
 * `POST /v1/token`. A SAP access token for the newest process of a pod. When it ends is in the pod's row before it
 * leaves: what this pod holds may only be released once SAP itself would refuse its last token.
 */
export function tokenEndpoint({
  ledgers,
  tokens,
  clock,
}: {
  ledgers: Ledgers;
  tokens: BudgetTokens;
  clock: Clock;
}): Endpoint {
  const underWay = new CallsUnderWay(maxCallsOfPod);
  return async (caller, body) => {
    const request = parseMessage(tokenRequest, body);
    const budget = { namespace: caller.pod.namespace, name: request.budget };
    if (!caller.budgets.some(({ name }) => name === budget.name))
      throw new EndpointError('budget_not_allowed', budgetKey(budget));
    const { key } = holderOf(caller);
    return underWay.run(key, async () => {
      const book = await ledgers.find(request.ledgerUid, budget, { signal: caller.signal });
      if (!book || budgetKey(book.budget) !== budgetKey(budget))
        throw new EndpointError('ledger_of_other_budget');
      const signal = AbortSignal.any([caller.signal, AbortSignal.timeout(sapMs)]);
      const { accessToken, expiresAtMs } = await tokens.tokenFor(budget, { signal });
      const expires = Math.ceil(expiresAtMs / 1000);
      const noted = await book.noteToken({ key, incarnation: request.incarnation, expires });
      if (!noted) throw new EndpointError('process_superseded');
      const expiresInSeconds = Math.floor((expiresAtMs - clock.nowMs()) / 1000);
      if (expiresInSeconds <= 0) throw new EndpointError('token_unavailable', 'SAP’s token has just ended');
      return encodeMessage({ schema: schemaVersion, accessToken, expiresInSeconds });
    });
  };
}
