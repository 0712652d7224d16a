import type { IncomingMessage } from 'node:http';
import type { DeploymentConfiguration } from '../../accounting/configuration-messages.ts';
import type { Catalogue } from '../catalogue.ts';
import { header } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';

/** What will answer a request. */
export interface Target {
  readonly deploymentId: string;
  readonly resourceGroup: string;
  readonly deployment: DeploymentConfiguration;
}

/**
 * The resource group a request speaks of: its header's, else the budget's first.
 *
 * @throws ProxyError `resource_group_not_allowed`
 */
export function selectResourceGroup(request: IncomingMessage, { budget }: Catalogue): string {
  const named = header(request, 'ai-resource-group') ?? budget.resourceGroups[0] ?? '';
  if (budget.resourceGroups.includes(named)) return named;
  throw new ProxyError(
    'resource_group_not_allowed',
    `budget ${budget.namespace}/${budget.budget} does not list that resource group; it lists: ${budget.resourceGroups.join(', ')}`,
  );
}

/**
 * Finds the deployment that a request names.
 *
 * @throws ProxyError saying which is missing and what to do
 */
export function selectDeployment(
  request: IncomingMessage,
  catalogue: Catalogue,
  { deploymentId, executables }: { deploymentId: string; executables: readonly string[] },
): Target {
  const resourceGroup = selectResourceGroup(request, catalogue);
  const deployment = catalogue.deployment(resourceGroup, deploymentId);
  if (deployment === undefined)
    throw new ProxyError(
      'deployment_not_found',
      `no deployment ${deploymentId} in resource group ${resourceGroup}: list them with GET /v2/lm/deployments`,
    );
  if (deployment.status !== 'RUNNING')
    throw new ProxyError(
      'deployment_not_running',
      `deployment ${deploymentId} is ${deployment.status}, not RUNNING`,
    );
  if (!executables.includes(deployment.executableId))
    throw new ProxyError(
      'path_not_supported',
      `this path is served for executable ${executables.join(', ')}, deployment ${deploymentId} runs ${deployment.executableId}`,
    );
  return { deploymentId, resourceGroup, deployment };
}
