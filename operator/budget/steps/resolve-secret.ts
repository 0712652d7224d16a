import { isKubeError } from '../../kube/kube-error.ts';
import { SapError } from '../../sap/sap-error.ts';
import { parseServiceKey, subscriptionIdentities } from '../../sap/service-key.ts';
import type { ServiceKey } from '../../sap/service-key.ts';
import type { SecretEntries } from '../../sap/secret-layout.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';
import { aiCoreOf } from '../root-spec.ts';
import { stalled } from '../step.ts';
import { claimantOf } from '../claimant.ts';

/** How often a Secret is tried again that may not be read; a grant of rights is no event that we see. */
const forbiddenAfterMs = 30_000;
/** Older budgets make their claims within moments: their reconciles are under way. */
const undecidedAfterMs = 500;

/** Finds the service key that the budget names, and checks that no older budget spends from its subscription. */
export async function resolveSecret(context: BudgetContext): Promise<StepOutcome> {
  const { budget, services, found } = context;
  const key = await readKey(context);
  if ('state' in key) {
    services.subscriptions.claim(claimantOf(budget), [], []);
    return key;
  }
  const others = services.budgets.list().map(claimantOf);
  const decision = services.subscriptions.claim(claimantOf(budget), subscriptionIdentities(key), others);
  if (decision.state === 'taken') {
    return stalled(
      'SubscriptionShared',
      `The service key is of an AI Core instance that budget ${decision.by} spends from, and that one comes first. One instance can have one budget: two caps on it would not hold. Delete one of the two, or use a key of another instance.`,
    );
  }
  if (decision.state === 'undecided') {
    const message = 'Older budgets are looked at first, in case one of them uses the same subscription.';
    return { state: 'waiting', reason: 'SubscriptionUndecided', message, afterMs: undecidedAfterMs };
  }
  found.serviceKey = key;
  return { state: 'done', message: 'The service key was found.' };
}

async function readKey({ budget, services, signal }: BudgetContext): Promise<ServiceKey | StepOutcome> {
  const { namespace, name } = budget.metadata;
  const { name: secretName, key } = aiCoreOf(budget.spec).serviceKeySecretRef;
  const secret = { namespace, name: secretName };
  try {
    const entries = await services.secrets.read(secret, { user: `${namespace}/${name}`, signal });
    return entries === undefined
      ? stalled(
          'SecretNotFound',
          `There is no Secret "${secretName}" in namespace "${namespace}": create it with the service key of AI Core.`,
        )
      : parse(entries, { key, secretName, allowedHosts: services.settings.allowedSapHosts });
  } catch (error) {
    if (!isKubeError(error, 'Forbidden')) throw error;
    const message = `The operator may not read Secret "${secretName}" in namespace "${namespace}": allow it there, or move the budget to a namespace for credentials.`;
    return { state: 'waiting', reason: 'SecretForbidden', message, afterMs: forbiddenAfterMs };
  }
}

function parse(
  entries: SecretEntries,
  {
    key,
    secretName,
    allowedHosts,
  }: { key: string | undefined; secretName: string; allowedHosts: readonly string[] },
): ServiceKey | StepOutcome {
  try {
    return parseServiceKey(entries, { key, allowedHosts });
  } catch (error) {
    if (!(error instanceof SapError)) throw error;
    return stalled(error.reason, `Secret "${secretName}": ${error.message}.`);
  }
}
