import type { Catalogue } from '../catalogue.ts';
import { chat } from '../families/chat.ts';
import { type Exchange, sendPlain } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';
import { selectResourceGroup } from './select-deployment.ts';
import { type ModelAlias, modelAliases } from './select-model.ts';

/** Lists the models that can be called by name, as OpenAI does. */
export function answerModels(exchange: Exchange, catalogue: Catalogue): void {
  sendJson(exchange, { object: 'list', data: aliasesFor(exchange, catalogue).map(modelObject) });
}

/**
 * One of them.
 *
 * @throws ProxyError `model_not_found`
 */
export function answerModel(exchange: Exchange, catalogue: Catalogue, id: string): void {
  const found = aliasesFor(exchange, catalogue).find((alias) => alias.id === id);
  if (found === undefined)
    throw new ProxyError('model_not_found', 'no model of that name: list them with GET /v1/models');
  sendJson(exchange, modelObject(found));
}

function aliasesFor({ request }: Exchange, catalogue: Catalogue): readonly ModelAlias[] {
  const resourceGroup = selectResourceGroup(request, catalogue);
  return modelAliases(catalogue, { resourceGroup, executables: chat.executables });
}

function modelObject({ id, deployment }: ModelAlias) {
  const created = Date.parse(String(deployment.deployment['createdAt']));
  return {
    id,
    object: 'model',
    created: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
    owned_by: deployment.executableId,
  };
}

function sendJson(exchange: Exchange, value: unknown): void {
  sendPlain(exchange, {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });
}
