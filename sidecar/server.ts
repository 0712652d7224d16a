import { type Server, type ServerResponse, createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { Exchange } from './exchange.ts';
import { sendPlain } from './exchange.ts';
import { errorAnswer } from './error-answer.ts';
import { serve } from './pipeline.ts';
import { ProxyError } from './proxy-error.ts';
import type { Services } from './services.ts';
import { surfaceOf } from './steps/select-route.ts';

/** Requests that are being served or metered. */
export interface AppServer {
  readonly server: Server;
  /** Resolves when no request is under way any more. */
  idle(): Promise<void>;
}

/** One pod's application has no use for more. */
const maxConnections = 4096;
const headersMs = 30_000;
const requestMs = 300_000;
/** Longer than clients keep idle connections, so that none is closed just as its next request leaves. */
const keepAliveMs = 75_000;

/** Makes the application's server; `services` come once the port is bound, until then everything is refused. */
export function createAppServer(services: () => Services | undefined): AppServer {
  const underWay = new Set<Promise<void>>();
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs, keepAliveTimeout: keepAliveMs },
    (request, response) => {
      const gone = goneSignal(response);
      const id = randomUUID();
      const current = services();
      const arrivedMs = current?.clock.monotonicMs() ?? 0;
      const work = answer({ id, request, response, arrivedMs, gone }, current).finally(() =>
        underWay.delete(work),
      );
      underWay.add(work);
    },
  );
  server.maxConnections = maxConnections;
  const idle = async () => {
    while (underWay.size > 0) await Promise.all(underWay);
  };
  return { server, idle };
}

/** Never rejects: what fails here is answered and logged. */
async function answer(exchange: Exchange, services: Services | undefined): Promise<void> {
  try {
    if (services === undefined) throw new ProxyError('configuration_unavailable', 'the sidecar is starting');
    await serve(exchange, services);
  } catch (error) {
    answerError(exchange, asProxyError(error, services), services);
  }
}

function answerError(exchange: Exchange, error: ProxyError, services: Services | undefined): void {
  if (services !== undefined) {
    const { budget = '', namespace = '' } = exchange.budget ?? {};
    services.metrics.denied.inc({ budget, budget_namespace: namespace, reason: error.reason });
    if (error.reason !== 'client_gone')
      services.denials.note(error, { requestId: exchange.id, nowMs: services.clock.wallMs() });
    services.log.debug({ requestId: exchange.id, reason: error.reason }, 'request refused');
  }
  // What the client still sends of a body nobody reads would keep the connection busy.
  const { request, response } = exchange;
  if (!request.complete && !response.headersSent) response.setHeader('connection', 'close');
  sendPlain(exchange, errorAnswer(error, surfaceOf(exchange.request.url ?? ''), exchange.id));
}

function asProxyError(error: unknown, services: Services | undefined): ProxyError {
  if (error instanceof ProxyError) return error;
  services?.log.error({ err: error }, 'request failed for a fault of this program');
  return new ProxyError('internal_error', 'the sidecar failed to serve this request: see its log', {
    cause: error,
  });
}

/** A response that closes before it was finished has nobody to read it. */
function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the client has gone'));
  });
  return controller.signal;
}
