import type { IncomingMessage } from 'node:http';
import type { DeploymentConfiguration } from '../../accounting/messages.ts';
import type { Catalogue, PricedModel } from '../catalogue.ts';
import { header } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';

/** What will answer a request. */
export interface Target {
  readonly deploymentId: string;
  readonly resourceGroup: string;
  readonly model: PricedModel;
}

/** Executables whose chat completions can be bounded and metered. */
const chatExecutables: readonly string[] = ['azure-openai'];

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
 * Finds the deployment that a chat request names, and the model behind it with its rates.
 *
 * @throws ProxyError saying which is missing and what to do
 */
export function selectDeployment(
  request: IncomingMessage,
  catalogue: Catalogue,
  deploymentId: string,
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
  if (!chatExecutables.includes(deployment.executableId))
    throw new ProxyError(
      'path_not_supported',
      `chat completions are served for executable ${chatExecutables.join(', ')}, this deployment runs ${deployment.executableId}`,
    );
  return { deploymentId, resourceGroup, model: pricedModel(catalogue, deployment) };
}

function pricedModel(catalogue: Catalogue, deployment: DeploymentConfiguration): PricedModel {
  const lookup = catalogue.model(deployment);
  if (lookup.kind === 'priced') return lookup.model;
  const { namespace, budget } = catalogue.budget;
  const explain = {
    unknown: {
      reason: 'model_unknown',
      message: `deployment ${deployment.id} serves a model that SAP's model list does not have, so it has no price`,
    },
    unpriced: {
      reason: 'model_unpriced',
      message: `nobody knows a rate for model ${lookup.model}: add it to the budget's SapAiRateCard`,
    },
    not_allowed: {
      reason: 'model_not_allowed',
      message: `budget ${namespace}/${budget} does not allow model ${lookup.model}: add it to spec.allowedModels`,
    },
  } as const;
  const { reason, message } = explain[lookup.kind];
  throw new ProxyError(reason, message);
}
