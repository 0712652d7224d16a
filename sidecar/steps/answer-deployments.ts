import type { DeploymentConfiguration } from '../../accounting/configuration-messages.ts';
import type { Catalogue } from '../catalogue.ts';
import { type Exchange, sendPlain } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';
import { selectResourceGroup } from './select-deployment.ts';

/** The AI API's own limits of a list. */
const defaultTop = 10_000;
const maxTop = 100_000;

/** Lists deployments as the AI API does: filters, paging, every member as SAP has it but the URL. */
export function answerDeployments(
  exchange: Exchange,
  catalogue: Catalogue,
  { query, origin }: { query: URLSearchParams; origin: string },
): void {
  const resourceGroup = selectResourceGroup(exchange.request, catalogue);
  const matching = catalogue.budget.deployments.filter(
    (deployment) => deployment.resourceGroup === resourceGroup && matches(deployment, query),
  );
  const skip = pageNumber(query, '$skip', 0);
  const top = pageNumber(query, '$top', defaultTop);
  const resources = matching.slice(skip, skip + top).map((deployment) => rewritten(deployment, origin));
  sendJson(exchange, { count: matching.length, resources });
}

/**
 * One deployment, in the same way.
 *
 * @throws ProxyError `deployment_not_found`
 */
export function answerDeployment(
  exchange: Exchange,
  catalogue: Catalogue,
  { deploymentId, origin }: { deploymentId: string; origin: string },
): void {
  const resourceGroup = selectResourceGroup(exchange.request, catalogue);
  const deployment = catalogue.deployment(resourceGroup, deploymentId);
  if (deployment === undefined)
    throw new ProxyError(
      'deployment_not_found',
      `no deployment ${deploymentId} in resource group ${resourceGroup}`,
    );
  sendJson(exchange, rewritten(deployment, origin));
}

function matches(deployment: DeploymentConfiguration, query: URLSearchParams): boolean {
  const allows = (name: string, value: string) => {
    const wanted = query.getAll(name).flatMap((text) => text.split(','));
    return wanted.length === 0 || wanted.includes(value);
  };
  return (
    allows('scenarioId', deployment.scenarioId) &&
    allows('status', deployment.status) &&
    allows('executableIds', deployment.executableId)
  );
}

/** Clients follow the URL: with SAP's own they would go past the sidecar. */
function rewritten({ deployment, id }: DeploymentConfiguration, origin: string): Record<string, unknown> {
  if (!deployment['deploymentUrl']) return deployment;
  return { ...deployment, deploymentUrl: `${origin}/v2/inference/deployments/${id}` };
}

function pageNumber(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null || !/^\d{1,6}$/.test(text)) return fallback;
  return Math.min(maxTop, Number(text));
}

function sendJson(exchange: Exchange, value: unknown): void {
  sendPlain(exchange, {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });
}
