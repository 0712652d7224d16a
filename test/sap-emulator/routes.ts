import type { Caller, Exchange } from './exchange.ts';
import * as admin from './handlers/admin.ts';
import * as aiApi from './handlers/ai-api.ts';
import { chatCompletions } from './handlers/chat.ts';
import { azureEmbeddings } from './handlers/embeddings.ts';
import * as orchestration from './handlers/orchestration.ts';
import { listOfferings, listPlans } from './handlers/service-manager.ts';
import { issueToken } from './handlers/token.ts';
import * as usageData from './handlers/usage-data.ts';

type Answer = void | Promise<void>;

interface RoutePath {
  /** What fault rules and captured requests call it. */
  name: string;
  method: 'GET' | 'POST' | 'DELETE';
  /** A segment that begins with a colon matches anything but a slash. */
  path: string;
}

/**
 * Who may call. `open`: everybody; `local`: only this machine; `tenant`: needs an access token;
 * `group`: needs a resource group as well. `inference` is `group` whose handler chooses its faults itself.
 * `usage` and `service-manager` need a token of a key of that service.
 */
export type Route = RoutePath &
  (
    | { access: 'open' | 'local'; handle: (exchange: Exchange) => Answer }
    | { access: 'usage'; handle: (exchange: Exchange) => Answer }
    | { access: 'tenant' | 'group' | 'inference'; handle: (exchange: Exchange, caller: Caller) => Answer }
    | { access: 'service-manager'; handle: (exchange: Exchange, caller: Caller) => Answer }
  );

/** Every path the emulator serves; the first that matches wins. Another API is more lines and a handler file. */
const routes: readonly Route[] = [
  { name: 'token', method: 'POST', path: '/oauth/token', access: 'open', handle: issueToken },

  read('resource-groups', '/v2/admin/resourceGroups', 'tenant', aiApi.listResourceGroups),
  read('resource-groups', '/v2/admin/resourceGroups/:id', 'tenant', aiApi.getResourceGroup),
  read('meta', '/v2/lm/meta', 'tenant', aiApi.getMeta),
  read('scenarios', '/v2/lm/scenarios', 'group', aiApi.listScenarios),
  read('scenarios', '/v2/lm/scenarios/:id', 'group', aiApi.getScenario),
  read('models', '/v2/lm/scenarios/:id/models', 'group', aiApi.listModels),
  read('configurations', '/v2/lm/configurations', 'group', aiApi.listConfigurations),
  read('configurations', '/v2/lm/configurations/:id', 'group', aiApi.getConfiguration),
  read('deployments', '/v2/lm/deployments', 'group', aiApi.listDeployments),
  read('deployments', '/v2/lm/deployments/$count', 'group', aiApi.countDeployments),
  read('deployments', '/v2/lm/deployments/:id', 'group', aiApi.getDeployment),

  inference('chat', 'chat/completions', chatCompletions),
  inference('embeddings', 'embeddings', azureEmbeddings),
  inference('orchestration', 'v2/completion', orchestration.completion),
  inference('orchestration-embeddings', 'v2/embeddings', orchestration.embeddings),

  usage('usage-monthly', '/reports/v1/monthlyUsage', usageData.monthlyUsage),
  usage('usage-monthly', '/reports/v1/monthlyDirectoryUsage', usageData.monthlyUsage),
  usage('usage-daily', '/reports/v1/subaccountUsage', usageData.subaccountUsage),
  usage('usage-cost', '/reports/v1/monthlySubaccountsCost', usageData.monthlyCost),
  usage('usage-credits', '/reports/v1/cloudCreditsDetails', usageData.cloudCredits),
  entitlement('service-offerings', '/v1/service_offerings', listOfferings),
  entitlement('service-plans', '/v1/service_plans', listPlans),

  local('GET', '/__emulator/books', admin.readBooks),
  local('GET', '/__emulator/requests', admin.readRequests),
  local('GET', '/__emulator/service-keys', admin.readServiceKeys),
  local('GET', '/__emulator/faults', admin.listFaults),
  local('POST', '/__emulator/faults', admin.addFaults),
  local('DELETE', '/__emulator/faults', admin.clearFaults),
  local('POST', '/__emulator/close-day', admin.closeDay),
  local('POST', '/__emulator/close-month', admin.closeMonth),
  local('POST', '/__emulator/reset', admin.reset),
];

/** A route and the variable parts of the path that led to it. */
export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** Finds the route of a request; `methods` are the ones the path knows when this one is not among them. */
export function findRoute(method: string, pathname: string): Match | { methods: string[] } {
  const matches = routes.flatMap((route) => {
    const params = matchPath(route.path, pathname);
    return params === undefined ? [] : [{ route, params }];
  });
  const found = matches.find(({ route }) => route.method === method);
  return found ?? { methods: matches.map(({ route }) => route.method) };
}

function matchPath(pattern: string, pathname: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = pathname.split('/');
  if (wanted.length !== given.length) {
    return undefined;
  }
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const actual = decode(given[index] ?? '');
    if (part.startsWith(':') && actual !== '') {
      params[part.slice(1)] = actual;
    } else if (part !== actual) {
      return undefined;
    }
  }
  return params;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function read(
  name: string,
  path: string,
  access: 'tenant' | 'group',
  handle: (exchange: Exchange, caller: Caller) => Answer,
): Route {
  return { name, method: 'GET', path, access, handle };
}

function entitlement(
  name: string,
  path: string,
  handle: (exchange: Exchange, caller: Caller) => Answer,
): Route {
  return { name, method: 'GET', path, access: 'service-manager', handle };
}

function usage(name: string, path: string, handle: (exchange: Exchange) => Answer): Route {
  return { name, method: 'GET', path, access: 'usage', handle };
}

function inference(
  name: string,
  path: string,
  handle: (exchange: Exchange, caller: Caller) => Answer,
): Route {
  return {
    name,
    method: 'POST',
    path: `/v2/inference/deployments/:id/${path}`,
    access: 'inference',
    handle,
  };
}

function local(method: RoutePath['method'], path: string, handle: (exchange: Exchange) => Answer): Route {
  return { name: 'emulator', method, path, access: 'local', handle };
}
