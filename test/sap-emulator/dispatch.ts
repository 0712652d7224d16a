import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, sendAiApiError, sendJson } from './answers.ts';
import { captureRequest } from './captured-requests.ts';
import { EmulatorError } from './errors.ts';
import { newRequestId, watchClient } from './exchange.ts';
import type { Caller, Exchange, World } from './exchange.ts';
import { fail } from './failures.ts';
import type { OAuthClient } from './oauth-clients.ts';
import { findRoute } from './routes.ts';
import type { Match, Route } from './routes.ts';

/** Answers one request: route, body, who calls, faults, handler. */
export async function dispatch(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const atMs = world.now();
  const requestId = newRequestId();
  const url = new URL(request.url ?? '/', 'http://emulator');
  response.setHeader('x-request-id', requestId);
  const gone = watchClient(response, world.closing);
  const body = await readWithin(world, request, response);
  if (body === undefined) {
    return;
  }
  const found = findRoute(request.method ?? '', url.pathname);
  const name = 'route' in found ? found.route.name : 'unknown';
  if (name !== 'emulator') {
    world.captured.add(
      captureRequest(request, { at: new Date(atMs).toISOString(), route: name, requestId, body }),
    );
  }
  const params = 'route' in found ? found.params : {};
  const exchange: Exchange = {
    world,
    route: name,
    request,
    response,
    url,
    params,
    body,
    requestId,
    atMs,
    gone,
    truncate: false,
    empty: false,
  };
  await ('route' in found ? follow(exchange, found) : refuseRoute(exchange, found.methods));
}

async function readWithin(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Buffer | undefined> {
  try {
    return await readBody(request, world.config.maxBodyBytes);
  } catch (error) {
    if (error instanceof EmulatorError && error.reason === 'body_too_large') {
      sendJson(
        response,
        413,
        { error: { code: '413', message: error.message } },
        { headers: { connection: 'close' } },
      );
      return undefined;
    }
    response.destroy();
    return undefined;
  }
}

async function follow(exchange: Exchange, { route }: Match): Promise<void> {
  switch (route.access) {
    case 'open':
      return route.handle(exchange);
    case 'local':
      return isLocal(exchange.request)
        ? route.handle(exchange)
        : sendJson(exchange.response, 403, {
            error: 'this part of the emulator answers only its own machine',
          });
    case 'tenant':
    case 'group':
    case 'inference':
      return followAsCaller(exchange, route);
    case 'usage':
    case 'service-manager':
      return followAsClient(exchange, route);
  }
}

async function followAsCaller(
  exchange: Exchange,
  route: Extract<Route, { access: 'tenant' | 'group' | 'inference' }>,
): Promise<void> {
  const caller = identify(exchange, route.access !== 'tenant');
  if (caller === undefined) {
    return;
  }
  if (route.access === 'inference') {
    await route.handle(exchange, caller);
    return;
  }
  const { clientId } = caller.tenant;
  const faults = exchange.world.faultRules.choose({
    route: route.name,
    clientId,
    deployment: exchange.params['id'],
  });
  if (!(await fail(exchange, faults))) {
    await route.handle({ ...exchange, truncate: faults.has('truncated-json') }, caller);
  }
}

/** Answers a client of one of the services beside AI Core. */
async function followAsClient(
  exchange: Exchange,
  route: Extract<Route, { access: 'usage' | 'service-manager' }>,
): Promise<void> {
  const client = clientOf(exchange);
  if (client?.api !== route.access) {
    refuseToken(exchange);
    return;
  }
  const faults = exchange.world.faultRules.choose({ route: route.name, clientId: client.clientId });
  if (await fail(exchange, faults)) {
    return;
  }
  const answered = { ...exchange, truncate: faults.has('truncated-json'), empty: faults.has('empty-month') };
  if (route.access === 'usage') {
    await route.handle(answered);
  } else if (client.tenant !== undefined) {
    await route.handle(answered, { tenant: client.tenant, resourceGroup: 'default' });
  }
}

function clientOf({ world, request }: Exchange): OAuthClient | undefined {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return token === undefined ? undefined : world.accessTokens.check(token);
}

function refuseToken(exchange: Exchange): void {
  exchange.response.setHeader('www-authenticate', 'Bearer');
  sendAiApiError(exchange, 401, 'The access token is missing, unknown or expired.');
}

/** Who calls, or undefined after the caller was told why not. */
function identify(exchange: Exchange, needsGroup: boolean): Caller | undefined {
  const { request } = exchange;
  const client = clientOf(exchange);
  const tenant = client?.api === 'ai-core' ? client.tenant : undefined;
  if (tenant === undefined) {
    refuseToken(exchange);
    return undefined;
  }
  const header = request.headers['ai-resource-group'];
  if (typeof header !== 'string' || header === '') {
    if (!needsGroup) {
      return { tenant, resourceGroup: 'default' };
    }
    sendAiApiError(exchange, 400, 'The header AI-Resource-Group is required.');
    return undefined;
  }
  if (!tenant.resourceGroups.includes(header)) {
    sendAiApiError(exchange, 404, `Resource group ${header.slice(0, 253)} not found.`);
    return undefined;
  }
  return { tenant, resourceGroup: header };
}

function refuseRoute(exchange: Exchange, methods: string[]): void {
  if (methods.length === 0) {
    sendAiApiError(exchange, 404, `The emulator does not serve ${exchange.url.pathname.slice(0, 256)}.`);
    return;
  }
  exchange.response.setHeader('allow', methods.join(', '));
  sendAiApiError(exchange, 405, `Use ${methods.join(' or ')} for this path.`);
}

function isLocal(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? '';
  return address === '::1' || address.replace(/^::ffff:/, '').startsWith('127.');
}
