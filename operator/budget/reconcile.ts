import { parseStored } from '../../crds/parse.ts';
import { sapAiBudget } from '../../crds/budget.ts';
import { parseBudgetKey } from '../configuration/budget-ref.ts';
import type { Outcome } from '../kube/controller.ts';
import { conclude } from './conclude.ts';
import type { BudgetMemories } from './memory.ts';
import { runSteps } from './run-steps.ts';
import type { BudgetServices } from './services.ts';
import type { BudgetContext, Step } from './step.ts';
import { checkHub } from './steps/check-hub.ts';
import { findParent, takeOver } from './steps/find-parent.ts';
import { obtainToken } from './steps/obtain-token.ts';
import { openLedger } from './steps/open-ledger.ts';
import { priceModels } from './steps/price-models.ts';
import { readAiCore } from './steps/read-ai-core.ts';
import { resolveSecret } from './steps/resolve-secret.ts';

/**
 * The order is each chain's own: a step uses what those before it found. The ledger depends on nothing of SAP, so that
 * a limit that is lowered holds at once, also while SAP is away or slow.
 */
const chains: Step[][] = [
  [
    { condition: 'CredentialsValid', run: resolveSecret },
    { condition: 'CredentialsValid', run: obtainToken },
    { condition: 'AiCoreReachable', run: readAiCore },
    { condition: 'GenAiHubAvailable', run: checkHub },
    { condition: 'RateCardCurrent', run: priceModels },
  ],
  [{ condition: 'Enforcing', run: openLedger }],
];

/** A share of another budget needs the ledger of that one, and takes all that is SAP's from the root. */
const chainsOfChild: Step[][] = [
  [
    { condition: 'ParentReady', run: findParent },
    { condition: 'Enforcing', run: openLedger },
    { condition: 'ParentReady', run: takeOver },
  ],
];

/** Brings one budget, or what is left of it, to where it should be. */
export async function reconcileBudget(
  key: string,
  { services, memories, signal }: { services: BudgetServices; memories: BudgetMemories; signal: AbortSignal },
): Promise<Outcome> {
  const { leadership } = services;
  const term = leadership.leads() ? leadership.term : undefined;
  const stored = services.budgets.get(key);
  if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) {
    forget(key, { services, memories });
    return { state: 'done' };
  }
  const budget = parseStored(sapAiBudget, stored);
  const context: BudgetContext = {
    term,
    budget,
    services,
    memory: memories.of(key),
    found: {},
    signal,
  };
  return conclude(context, await runSteps(budget.spec.parentRef ? chainsOfChild : chains, context));
}

/** Its ledger's object stays: a budget that is made again must not get its limit anew. */
function forget(
  key: string,
  { services, memories }: { services: BudgetServices; memories: BudgetMemories },
): void {
  const budget = parseBudgetKey(key);
  services.configurations.forget(budget);
  services.tokens.use(budget, undefined);
  services.ledgers.retire(budget);
  services.secrets.release(key);
  services.subscriptions.release(key);
  services.standings.forget(key);
  services.onObserved?.({ budget });
  memories.forget(key);
}
