import { sendAiApiError } from './answers.ts';
import type { Deployment, EmulatorConfig, Model, ModelVersion } from './config.ts';
import type { Caller, Exchange } from './exchange.ts';

/** What answers a request. */
export interface Target {
  deployment: Deployment;
  model: Model;
  version: ModelVersion;
}

/** The running deployment that the path names, or undefined after the caller was told why there is none. */
export function findDeployment(
  exchange: Exchange,
  { tenant, resourceGroup }: Caller,
): Deployment | undefined {
  const { params } = exchange;
  const deployment = tenant.deployments.find(
    (one) => one.id === params['id'] && one.resourceGroup === resourceGroup,
  );
  if (deployment === undefined) {
    sendAiApiError(exchange, 404, `Deployment with id ${params['id'] ?? ''} not found.`);
    return undefined;
  }
  if (deployment.status !== 'RUNNING') {
    sendAiApiError(
      exchange,
      503,
      `Deployment ${deployment.id} is ${deployment.status} and cannot serve requests.`,
    );
    return undefined;
  }
  return deployment;
}

/** The version of a model by its name or by `latest`; undefined when there is none. */
export function findVersion(model: Model, name: string): ModelVersion | undefined {
  return model.versions.find((one) => (name === 'latest' ? one.isLatest : one.name === name));
}

/** The model with this name in the catalogue. */
export function findModel({ models }: EmulatorConfig, name: string): Model | undefined {
  return models.find((one) => one.model === name);
}
