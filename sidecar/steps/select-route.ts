import type { IncomingMessage } from 'node:http';
import type { Surface } from '../error-answer.ts';
import { ProxyError } from '../proxy-error.ts';

/** What a request asks for. */
export type Route =
  | { kind: 'token' }
  | { kind: 'status' }
  | { kind: 'receipt'; requestId: string }
  | { kind: 'deployments'; query: URLSearchParams }
  | { kind: 'deployment'; deploymentId: string }
  | { kind: 'chat'; deploymentId: string; search: string };

const deploymentPath = /^\/v2\/lm\/deployments\/([\w.-]{1,64})$/;
const receiptPath = /^\/sapai\/requests\/([\w.-]{1,64})$/;
const chatPath = /^\/v2\/inference\/deployments\/([\w.-]{1,64})\/chat\/completions$/;

const served =
  'POST /oauth/token, GET /v2/lm/deployments, GET /v2/lm/deployments/{id}, ' +
  'POST /v2/inference/deployments/{id}/chat/completions, GET /sapai/status, GET /sapai/requests/{id}';

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
  const requestId = receiptPath.exec(path)?.[1];
  if (requestId !== undefined) return { kind: 'receipt', requestId };
  const deploymentId = deploymentPath.exec(path)?.[1];
  return deploymentId === undefined ? undefined : { kind: 'deployment', deploymentId };
}

function callRoute({ path, search }: Place): Route | undefined {
  if (path === '/oauth/token') return { kind: 'token' };
  const deploymentId = chatPath.exec(path)?.[1];
  return deploymentId === undefined ? undefined : { kind: 'chat', deploymentId, search };
}
