import type { IncomingMessage } from 'node:http';
import type { DeploymentConfiguration } from '../../accounting/configuration-messages.ts';
import type { Catalogue } from '../catalogue.ts';
import { ProxyError } from '../proxy-error.ts';
import { type Target, selectResourceGroup } from './select-deployment.ts';

/** A name under which a model can be called, and the deployment that serves it. */
export interface ModelAlias {
  /** `gpt-4o`, or `gpt-4o@2024-11-20` for one version. */
  readonly id: string;
  readonly deployment: DeploymentConfiguration;
}

/** Names in an error message; a list of all would be too long to read. */
const maxListed = 50;

/**
 * The names of models that RUNNING deployments of a resource group serve, sorted. The plain name is of the deployment
 * that says `latest`, else of the newest version; every version has a name of its own.
 */
export function modelAliases(
  catalogue: Catalogue,
  { resourceGroup, executables }: { resourceGroup: string; executables: readonly string[] },
): readonly ModelAlias[] {
  const aliases = new Map<string, DeploymentConfiguration>();
  const running = catalogue.budget.deployments.filter(
    (deployment) =>
      deployment.resourceGroup === resourceGroup &&
      deployment.status === 'RUNNING' &&
      executables.includes(deployment.executableId),
  );
  for (const deployment of running.toSorted(byPreference)) {
    const lookup = catalogue.model(deployment);
    if (lookup.kind !== 'priced') continue;
    const { model, version } = lookup.model;
    for (const id of [model, `${model}@${version}`, `${model}@${deployment.version ?? version}`])
      if (!aliases.has(id)) aliases.set(id, deployment);
  }
  return [...aliases]
    .map(([id, deployment]) => ({ id, deployment }))
    .toSorted((left, right) => compare(left.id, right.id));
}

/**
 * Finds the deployment behind a model's name.
 *
 * @throws ProxyError `model_not_found` listing what there is
 */
export function selectModel(
  request: IncomingMessage,
  catalogue: Catalogue,
  { model, executables }: { model: unknown; executables: readonly string[] },
): Target {
  const resourceGroup = selectResourceGroup(request, catalogue);
  const aliases = modelAliases(catalogue, { resourceGroup, executables });
  const found = aliases.find(({ id }) => id === model);
  if (found !== undefined)
    return { deploymentId: found.deployment.id, resourceGroup, deployment: found.deployment };
  const asked = typeof model === 'string' && model !== '' ? `model ${model.slice(0, 128)}` : 'no model';
  const listed = aliases.slice(0, maxListed).map(({ id }) => id);
  throw new ProxyError(
    'model_not_found',
    `the request names ${asked}; resource group ${resourceGroup} has: ${listed.join(', ') || 'none that is priced and allowed'}`,
    { field: 'model' },
  );
}

function rank({ version = 'latest' }: DeploymentConfiguration): number {
  return version === 'latest' ? 0 : 1;
}

function byPreference(left: DeploymentConfiguration, right: DeploymentConfiguration): number {
  return (
    rank(left) - rank(right) || compare(right.version ?? '', left.version ?? '') || compare(left.id, right.id)
  );
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
