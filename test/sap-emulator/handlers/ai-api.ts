import { sendAiApiError, send, sendJson } from '../answers.ts';
import {
  configurationsOf,
  showDeployment,
  showModel,
  showResourceGroup,
  showScenario,
} from '../ai-api-objects.ts';
import type { Deployment } from '../config.ts';
import type { Caller, Exchange } from '../exchange.ts';

const maxTop = 100_000;
const standardTop = 10_000;
const scenarioIds = ['foundation-models', 'orchestration'];

/** `GET /v2/admin/resourceGroups` */
export function listResourceGroups(exchange: Exchange, { tenant }: Caller): void {
  sendList(
    exchange,
    tenant.resourceGroups.map((id) => showResourceGroup(tenant, id)),
  );
}

/** `GET /v2/admin/resourceGroups/{id}` */
export function getResourceGroup(exchange: Exchange, { tenant }: Caller): void {
  const id = tenant.resourceGroups.find((one) => one === exchange.params['id']);
  sendOne(exchange, id === undefined ? undefined : showResourceGroup(tenant, id), 'Resource group');
}

/** `GET /v2/lm/scenarios` */
export function listScenarios(exchange: Exchange): void {
  sendList(exchange, scenarioIds.map(showScenario));
}

/** `GET /v2/lm/scenarios/{id}` */
export function getScenario(exchange: Exchange): void {
  const id = scenarioIds.find((one) => one === exchange.params['id']);
  sendOne(exchange, id === undefined ? undefined : showScenario(id), 'Scenario');
}

/** `GET /v2/lm/scenarios/{id}/models`: the catalogue with its rates. */
export function listModels(exchange: Exchange): void {
  const { params, world } = exchange;
  if (!scenarioIds.includes(params['id'] ?? '')) {
    sendAiApiError(exchange, 404, `Scenario with id ${params['id'] ?? ''} not found.`);
    return;
  }
  sendList(exchange, params['id'] === 'foundation-models' ? world.config.models.map(showModel) : []);
}

/** `GET /v2/lm/configurations` */
export function listConfigurations(exchange: Exchange, caller: Caller): void {
  const wanted = readFilters(exchange.url);
  sendList(
    exchange,
    configurationsOf(caller).filter(
      (one) =>
        (wanted.scenarioId === null || one.scenarioId === wanted.scenarioId) &&
        (wanted.executableIds.length === 0 || wanted.executableIds.includes(one.executableId)),
    ),
  );
}

/** `GET /v2/lm/configurations/{id}` */
export function getConfiguration(exchange: Exchange, caller: Caller): void {
  const found = configurationsOf(caller).find((one) => one.id === exchange.params['id']);
  sendOne(exchange, found, 'Configuration');
}

/** `GET /v2/lm/deployments` with its filters. */
export function listDeployments(exchange: Exchange, caller: Caller): void {
  sendList(
    exchange,
    findDeployments(exchange, caller).map((one) => showDeployment(exchange, one)),
  );
}

/** `GET /v2/lm/deployments/$count`, as plain text. */
export function countDeployments(exchange: Exchange, caller: Caller): void {
  send(exchange.response, 200, {
    body: String(findDeployments(exchange, caller).length),
    headers: { 'content-type': 'text/plain' },
  });
}

/** `GET /v2/lm/deployments/{id}` */
export function getDeployment(exchange: Exchange, { tenant, resourceGroup }: Caller): void {
  const found = tenant.deployments.find(
    (one) => one.id === exchange.params['id'] && one.resourceGroup === resourceGroup,
  );
  sendOne(exchange, found === undefined ? undefined : showDeployment(exchange, found), 'Deployment');
}

/** `GET /v2/lm/meta` */
export function getMeta(exchange: Exchange): void {
  sendJson(exchange.response, 200, {
    runtimeIdentifier: 'aicore',
    runtimeApiVersion: '2.42.0',
    description: 'AI Core',
    aiApi: {
      version: '2.28.0',
      capabilities: { multitenant: true, shareable: false, staticDeployments: true, userDeployments: true },
      limits: { executions: { maxRunningCount: -1 }, deployments: { maxRunningCount: -1 } },
    },
    extensions: { resourceGroups: { version: '1.0.0' }, analytics: { version: '1.0.0' } },
  });
}

function findDeployments(exchange: Exchange, { tenant, resourceGroup }: Caller): Deployment[] {
  const { scenarioId, status, executableIds } = readFilters(exchange.url);
  return tenant.deployments.filter(
    (one) =>
      one.resourceGroup === resourceGroup &&
      (scenarioId === null || one.scenarioId === scenarioId) &&
      (status === null || one.status === status) &&
      (executableIds.length === 0 || executableIds.includes(one.executableId)),
  );
}

function readFilters(url: URL): {
  scenarioId: string | null;
  status: string | null;
  executableIds: string[];
} {
  const { searchParams } = url;
  return {
    scenarioId: searchParams.get('scenarioId'),
    status: searchParams.get('status'),
    executableIds: searchParams
      .getAll('executableIds')
      .flatMap((value) => value.split(','))
      .filter((value) => value !== ''),
  };
}

/** A page of a list; `count` is that of the whole list. */
function sendList(exchange: Exchange, resources: readonly unknown[]): void {
  const top = readCount(exchange.url, '$top', standardTop);
  const skip = readCount(exchange.url, '$skip', 0);
  if (top === undefined || skip === undefined) {
    sendAiApiError(exchange, 400, `$top and $skip take whole numbers, $top up to ${maxTop}.`);
    return;
  }
  answerRead(exchange, { count: resources.length, resources: resources.slice(skip, skip + top) });
}

function sendOne(exchange: Exchange, found: unknown, kind: string): void {
  if (found === undefined) {
    sendAiApiError(exchange, 404, `${kind} with id ${exchange.params['id'] ?? ''} not found.`);
    return;
  }
  answerRead(exchange, found);
}

function answerRead(exchange: Exchange, value: unknown): void {
  sendJson(exchange.response, 200, value, { truncate: exchange.truncate });
}

function readCount(url: URL, name: string, standard: number): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) {
    return standard;
  }
  return /^\d{1,6}$/.test(text) && Number(text) <= maxTop ? Number(text) : undefined;
}
