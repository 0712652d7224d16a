import type { IncomingMessage } from 'node:http';
import type { Catalogue } from '../catalogue.ts';
import type { CurrentBudget } from '../configuration.ts';
import { header } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';

/** Chooses another budget than the credential's, of those this pod may spend from. */
const budgetHeader = 'sapaibudget-budget';

/**
 * The budget a request spends from: the one its header names, else its credential's.
 *
 * @throws ProxyError `configuration_unavailable`, `budget_not_allowed` or `budget_unavailable`
 */
export function chooseBudget(
  request: IncomingMessage,
  credentialBudget: string,
  budgets: ReadonlyMap<string, CurrentBudget> | undefined,
): Catalogue {
  if (budgets === undefined)
    throw new ProxyError(
      'configuration_unavailable',
      'the operator has not given this sidecar its configuration yet',
    );
  const name = header(request, budgetHeader) ?? credentialBudget;
  const current = budgets.get(name);
  if (current === undefined)
    throw new ProxyError(
      'budget_not_allowed',
      `this pod may not spend from that budget; it may spend from: ${[...budgets.keys()].join(', ') || 'none'}`,
    );
  if (current.state === 'ready') return current.catalogue;
  const { namespace, budget, reason, message } = current.budget;
  throw new ProxyError(
    'budget_unavailable',
    `budget ${namespace}/${budget} cannot be spent from (${reason}): ${message}`,
    { facts: { budget: `${namespace}/${budget}`, condition: reason } },
  );
}
