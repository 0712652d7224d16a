import type { IncomingMessage } from 'node:http';
import type { Surface } from '../error-answer.ts';
import { chat } from '../families/chat.ts';
import { embeddings, orchestrationEmbeddings } from '../families/embeddings.ts';
import type { Family } from '../families/family.ts';
import { orchestration } from '../families/orchestration.ts';
import { ProxyError } from '../proxy-error.ts';

/** What a request asks for. */
export type Route =
  | { kind: 'token' }
  | { kind: 'status' }
  | { kind: 'receipt'; requestId: string }
  | { kind: 'deployments'; query: URLSearchParams }
  | { kind: 'deployment'; deploymentId: string }
  | { kind: 'models' }
  | { kind: 'model'; id: string }
  /** `deploymentId` absent: the body names the model. `search`: the query for SAP, with its `?`. */
  | { kind: 'inference'; family: Family; deploymentId?: string; search: string };

const deploymentPath = /^\/v2\/lm\/deployments\/([\w.-]{1,64})$/;
const receiptPath = /^\/sapai\/requests\/([\w.-]{1,64})$/;
const inferencePath = /^\/v2\/inference\/deployments\/([\w.-]{1,64})\/(.{1,64})$/;
const modelPath = /^\/v1\/models\/([\w.@-]{1,256})$/;

const families: ReadonlyMap<string, Family> = new Map(
  [chat, embeddings, orchestration, orchestrationEmbeddings].map((family) => [family.path, family]),
);
/** Paths of OpenAI's own API, on which the body names the model. */
const openAiFamilies: ReadonlyMap<string, Family> = new Map([
  ['/v1/chat/completions', chat],
  ['/v1/embeddings', embeddings],
]);
/** Azure wants a version, OpenAI's clients send none. This one is what SAP's Python SDK sends. */
const azureVersion = '?api-version=2025-03-01-preview';

const served =
  'POST /oauth/token, GET /v2/lm/deployments, GET /v2/lm/deployments/{id}, ' +
  [...families.keys()].map((path) => `POST /v2/inference/deployments/{id}/${path}, `).join('') +
  [...openAiFamilies.keys()].map((path) => `POST ${path}, `).join('') +
  'GET /v1/models, GET /v1/models/{id}, GET /sapai/status, GET /sapai/requests/{id}';

/**
 * What method and path ask for. Nothing is passed through that is not listed here: what is not metered is not served.
 *
 * @throws ProxyError `path_not_supported`
 */
export function selectRoute({ method = '', url = '' }: Pick<IncomingMessage, 'method' | 'url'>): Route {
  const cut = url.includes('?') ? url.indexOf('?') : url.length;
  const place = { path: url.slice(0, cut), search: url.slice(cut) };
  const route = routes[method]?.(place);
  if (route !== undefined) return route;
  throw new ProxyError('path_not_supported', `${method} on this path is not served; served are: ${served}`);
}

/** Whose error shape a path speaks, also one that is not served. */
export function surfaceOf(url: string): Surface {
  if (url.startsWith('/oauth/')) return 'oauth';
  const path = inferencePath.exec(url.split('?', 1)[0] ?? '')?.[2];
  if (path?.startsWith('v2/') === true) return 'orchestration';
  return url.startsWith('/v2/inference/') || url.startsWith('/v1/') ? 'openai' : 'ai-api';
}

interface Place {
  readonly path: string;
  readonly search: string;
}

const routes: Readonly<Partial<Record<string, (place: Place) => Route | undefined>>> = {
  GET: readRoute,
  POST: callRoute,
};

function readRoute({ path, search }: Place): Route | undefined {
  if (path === '/v2/lm/deployments') return { kind: 'deployments', query: new URLSearchParams(search) };
  if (path === '/sapai/status') return { kind: 'status' };
  if (path === '/v1/models') return { kind: 'models' };
  const id = modelPath.exec(path)?.[1];
  if (id !== undefined) return { kind: 'model', id };
  const requestId = receiptPath.exec(path)?.[1];
  if (requestId !== undefined) return { kind: 'receipt', requestId };
  const deploymentId = deploymentPath.exec(path)?.[1];
  return deploymentId === undefined ? undefined : { kind: 'deployment', deploymentId };
}

function callRoute({ path, search }: Place): Route | undefined {
  if (path === '/oauth/token') return { kind: 'token' };
  const openAi = openAiFamilies.get(path);
  if (openAi !== undefined) return { kind: 'inference', family: openAi, search: azureVersion };
  const [, deploymentId, below = ''] = inferencePath.exec(path) ?? [];
  const family = families.get(below);
  if (deploymentId === undefined || family === undefined) return undefined;
  return { kind: 'inference', family, deploymentId, search };
}
