import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import express from 'express';
import type { Express, Request, Response } from 'express';
import type { Clock } from '../kube/clock.ts';
import { Authenticator } from './authenticate.ts';
import type { Endpoint } from './caller.ts';
import { configurationEndpoint } from './configuration-endpoint.ts';
import { EndpointError, errorAnswer } from './errors.ts';
import type { ErrorAnswer } from './errors.ts';
import { holderOf, leaseEndpoint } from './lease-endpoint.ts';
import type { EndpointCall, LeaseService, LeaseServiceOptions } from './lease-service.ts';
import { PodDirectory } from './pod-directory.ts';
import type { PodIdentity } from './pod-directory.ts';
import { tokenEndpoint } from './token-endpoint.ts';

/** A lease message has some hundred bytes; more than this is no message of ours. */
const maxBodyBytes = 256 * 1024;
const maxConnections = 20_000;
/** How long what is under way may take after the end was asked for. */
const drainMs = 5000;

/** Starts to serve sidecars; rejects when the address cannot be listened on. */
export async function startLeaseService(options: LeaseServiceOptions): Promise<LeaseService> {
  const { listen, certificates, signal, clock } = options;
  const server = createServer(
    { ...keyAndCertificate(certificates), minVersion: 'TLSv1.2', handshakeTimeout: 10_000 },
    buildApp(options),
  );
  // Sending a request takes that long at most; an answer may take as long as a poll waits.
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  // Longer than the longest poll, so that a sidecar's connection lives on between two.
  server.keepAliveTimeout = 75_000;
  server.maxConnections = maxConnections;
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  const port = portOf(server);
  options.log.info({ host: listen.host, port }, 'lease service listens');
  return {
    port,
    closed: closeAfter(server, signal, clock),
    useCertificates: (pair) => server.setSecureContext(keyAndCertificate(pair)),
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the lease service has no port');
  return address.port;
}

function keyAndCertificate({ certificate, privateKey }: LeaseServiceOptions['certificates']): {
  cert: string;
  key: string;
} {
  return { cert: certificate, key: privateKey };
}

function buildApp(options: LeaseServiceOptions): Express {
  const { ledgers, homes, rootNamespaceOf, configurationSource, tokens, clock, leaseSeconds } = options;
  const serve = serverOfCalls(options);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.post(
    '/v1/configuration',
    serve('configuration', configurationEndpoint({ source: configurationSource, homes, rootNamespaceOf })),
  );
  app.post('/v1/token', serve('token', tokenEndpoint({ ledgers, tokens, clock }), { freshPod: true }));
  const onLedgerUnknown = (pod: PodIdentity): void => options.onRefused?.({ pod, reason: 'ledger_unknown' });
  const lease = leaseEndpoint({ ledgers, clock, leaseSeconds, onLedgerUnknown });
  app.post('/v1/lease', serve('lease', lease));
  app.use((_request, response) => {
    const error = new EndpointError('path_unknown');
    sendError({ call: 'other', response, startedMs: performance.now() }, error, options);
  });
  return app;
}

/** Serves calls in three steps: who it is, then the body, then the answer. A stranger's body is never read. */
function serverOfCalls(options: LeaseServiceOptions) {
  const { kube, clock, metrics, onPod, signal } = options;
  const authenticator = new Authenticator({ kube, clock });
  const directory = new PodDirectory({ kube, clock });
  return (call: EndpointCall, endpoint: Endpoint, { freshPod = false } = {}) =>
    async (request: Request, response: Response): Promise<void> => {
      const startedMs = performance.now();
      let pod: PodIdentity | undefined;
      try {
        signal.throwIfAborted();
        const gone = leaving(response);
        pod = await authenticator.identify(request.headers.authorization);
        const budgets = await directory.budgetsOf(pod, { fresh: freshPod });
        onPod?.(pod);
        const metering = await directory.meteringOf(pod);
        await readBody(request, response);
        const caller = { pod, budgets, metering, signal: AbortSignal.any([signal, gone]) };
        if (await directory.isLeaving(pod)) options.configurationSource.noteLeaving(holderOf(caller).key);
        const text = await endpoint(caller, request.body);
        metrics.answered({ call, outcome: 'ok', status: 200, durationMs: performance.now() - startedMs });
        response.status(200).type('application/json').end(text);
      } catch (error) {
        sendError({ call, response, startedMs, pod }, error, options);
      }
    };
}

const parseBody = express.json({ limit: maxBodyBytes, inflate: false, type: () => true });

function readBody(request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    parseBody(request, response, (error: unknown) => (error === undefined ? resolve() : reject(error)));
  });
}

/** Fires when the caller goes before it has its answer. */
function leaving(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

interface FailedCall {
  call: EndpointCall;
  response: Response;
  startedMs: number;
  /** Whose token it came with, where that is known. */
  pod?: PodIdentity | undefined;
}

function sendError(failed: FailedCall, error: unknown, options: LeaseServiceOptions): void {
  const { response } = failed;
  const { signal } = options;
  // A wait that the end of the service cut short failed for that reason, whatever it says itself.
  const answer = errorAnswer(signal.aborted ? new EndpointError('stopping') : error);
  tellOf(failed, { ...answer, error }, options);
  if (response.headersSent || response.destroyed) return;
  const { status, body } = answer;
  // What is left of a body nobody reads must not be taken for the next request.
  if (status === 401 || status === 413 || signal.aborted) response.set('connection', 'close');
  response.status(status).type('application/json').end(JSON.stringify(body));
}

function tellOf(
  { call, response, startedMs, pod }: FailedCall,
  { status, reason, error }: ErrorAnswer & { error: unknown },
  { metrics, log, onRefused }: LeaseServiceOptions,
): void {
  const outcome = response.destroyed ? 'caller_left' : reason;
  metrics.answered({ call, outcome, status, durationMs: performance.now() - startedMs });
  if (pod && outcome === reason) onRefused?.({ pod, reason });
  const fields = { call, outcome, status };
  if (outcome === 'internal') log.error({ ...fields, err: error }, 'a call failed for no known reason');
  else log.debug(fields, 'a call was not answered');
}

async function closeAfter(server: Server, signal: AbortSignal, clock: Clock): Promise<void> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  const closed = once(server, 'close');
  server.close();
  const cancel = clock.after(drainMs, () => server.closeAllConnections());
  await closed;
  cancel();
}
