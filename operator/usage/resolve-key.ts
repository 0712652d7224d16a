import type { SapAiBudget } from '../../crds/budget.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { SapError } from '../sap/sap-error.ts';
import type { ServiceKey } from '../sap/service-key.ts';
import { parseApiKey } from './usage-keys.ts';
import type { UsageServices } from './usage-services.ts';

/** A key that cannot be used, as a condition says it. */
export interface KeyProblem {
  reason: string;
  message: string;
}

/** Users of Secrets: a budget has one for each service. */
const services = { usage: '#usage', serviceManager: '#service-manager' } as const;

/** The budget that a user of a Secret belongs to. */
export function budgetOfUser(user: string): string {
  return user.split('#')[0] ?? '';
}

/** Nobody needs the Secrets of this budget any more. */
export function releaseSecrets({ secrets }: UsageServices, budget: string): void {
  for (const suffix of Object.values(services)) secrets.release(`${budget}${suffix}`);
}

/**
 * The key of one of the services, or why there is none.
 *
 * @throws KubeError
 */
export async function resolveKey(
  { secrets, allowedSapHosts }: UsageServices,
  {
    budget,
    service,
    ref,
    signal,
  }: {
    budget: SapAiBudget;
    service: keyof typeof services;
    ref: { name: string; key?: string | undefined };
    signal: AbortSignal;
  },
): Promise<ServiceKey | KeyProblem> {
  const { namespace, name } = budget.metadata;
  const user = `${namespace}/${name}${services[service]}`;
  try {
    const entries = await secrets.read({ namespace, name: ref.name }, { user, signal });
    if (entries !== undefined)
      return parseApiKey(service, entries, { key: ref.key, allowedHosts: allowedSapHosts });
    const message = `There is no Secret "${ref.name}" in namespace "${namespace}": create it with the service key, or correct spec.${service}.serviceKeySecretRef.`;
    return { reason: 'SecretNotFound', message };
  } catch (error) {
    if (error instanceof SapError)
      return { reason: error.reason, message: `Secret "${ref.name}": ${error.message}.` };
    if (!isKubeError(error, 'Forbidden')) throw error;
    const message = `The operator may not read Secret "${ref.name}" in namespace "${namespace}": allow it there, or move the budget to a namespace for credentials.`;
    return { reason: 'SecretForbidden', message };
  }
}
