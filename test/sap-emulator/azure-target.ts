import { sendAiApiError, sendAzureError } from './answers.ts';
import type { Deployment, EmulatorConfig } from './config.ts';
import type { Caller, Exchange } from './exchange.ts';
import { findDeployment, findModel, findVersion } from './inference-target.ts';
import type { Target } from './inference-target.ts';

/** The Azure OpenAI deployment that the path names, or undefined after the caller was told why there is none. */
export function findAzureTarget(exchange: Exchange, caller: Caller): Target | undefined {
  const { world, url, response } = exchange;
  const deployment = findDeployment(exchange, caller);
  if (deployment === undefined) {
    return undefined;
  }
  const served = servedModel(world.config, deployment);
  if (served === undefined) {
    sendAiApiError(exchange, 404, `The path is not served by executable ${deployment.executableId}.`);
    return undefined;
  }
  if (!url.searchParams.has('api-version')) {
    sendAzureError(response, 404, { message: 'Resource not found', code: '404' });
    return undefined;
  }
  return { deployment, ...served };
}

function servedModel(
  config: EmulatorConfig,
  { executableId, model: named }: Deployment,
): Omit<Target, 'deployment'> | undefined {
  if (executableId !== 'azure-openai' || named === undefined) {
    return undefined;
  }
  const model = findModel(config, named.name);
  const version = model === undefined ? undefined : findVersion(model, named.version);
  return model === undefined || version === undefined ? undefined : { model, version };
}
