import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import express from 'express';
import type { Express, Request, Response } from 'express';
import type { Clock } from '../kube/clock.ts';
import { admissionReview, answerReview } from './admission-review.ts';
import { admitPod } from './admit.ts';
import type { Admission } from './admit.ts';
import type { WebhookOptions, WebhookOutcome, WebhookService } from './webhook-service.ts';

/** Where the API server asks about new pods. */
export const injectPath = '/v1/inject';

/** A pod has at most 1.5 MiB in etcd; what asks about it adds a few hundred bytes, and JSON may be longer than what is stored. */
const maxBodyBytes = 6 * 1024 * 1024;
/** One API server keeps a few connections; there may be several. */
const maxConnections = 1000;
/** The API server waits 5 seconds for an answer. */
const drainMs = 5000;

/** Starts to answer the API server; rejects when the address cannot be listened on. */
export async function startWebhook(options: WebhookOptions): Promise<WebhookService> {
  const { listen, certificates, signal, clock, log } = options;
  const { certificate: cert, privateKey: key } = certificates;
  const server = createServer({ cert, key, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 }, app(options));
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 75_000;
  server.maxConnections = maxConnections;
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  const port = portOf(server);
  log.info({ host: listen.host, port }, 'webhook listens');
  return {
    port,
    closed: closeAfter(server, signal, clock),
    useCertificates: (pair) => server.setSecureContext({ cert: pair.certificate, key: pair.privateKey }),
  };
}

function app(options: WebhookOptions): Express {
  const application = express();
  application.disable('x-powered-by');
  application.disable('etag');
  application.post(injectPath, (request, response) => review(request, response, options));
  application.use((_request, response) => {
    response.status(404).json({ message: `served here: POST ${injectPath}` });
  });
  return application;
}

async function review(request: Request, response: Response, options: WebhookOptions): Promise<void> {
  const startedMs = options.clock.nowMs();
  const outcome = await answer(request, response, options);
  options.metrics.admissionAnswered({ outcome, durationMs: options.clock.nowMs() - startedMs });
}

async function answer(
  request: Request,
  response: Response,
  { world, log }: WebhookOptions,
): Promise<WebhookOutcome> {
  const problem = await readBody(request, response);
  if (problem !== undefined) return refuseBody(response, problem);
  const parsed = admissionReview.safeParse(request.body);
  if (!parsed.success) {
    // The message names members, never values: a pod's environment may hold what must not be in a log.
    const where = parsed.error.issues.map(({ path }) => path.join('.')).slice(0, 8);
    response.status(400).json({ message: `no AdmissionReview of a pod: ${where.join(', ')}` });
    return 'malformed';
  }
  const { request: asked } = parsed.data;
  const pod = asked.object.metadata.name ?? asked.object.metadata.generateName ?? '';
  const { outcome, answer: said } = await admitPod(asked, world).catch((error: unknown) => {
    log.error({ namespace: asked.namespace, pod, err: error }, 'pod could not be reviewed');
    return failed(asked.namespace);
  });
  if (!said.allowed) log.info({ namespace: asked.namespace, pod, reason: outcome }, 'pod not admitted');
  response.status(200).json(answerReview(asked.uid, said));
  return outcome;
}

function failed(namespace: string): Omit<Admission, 'outcome'> & { outcome: 'failed' } {
  const message = `the labels of namespace ${namespace} cannot be read now; try again`;
  return { outcome: 'failed', answer: { allowed: false, code: 503, message } };
}

const parseBody = express.json({ limit: maxBodyBytes, inflate: false, type: () => true });

/** What is wrong with the body, or undefined. */
function readBody(request: Request, response: Response): Promise<unknown> {
  return new Promise((resolve) => {
    parseBody(request, response, (error: unknown) => resolve(error));
  });
}

function refuseBody(response: Response, problem: unknown): WebhookOutcome {
  const isTooLarge = problem instanceof Error && 'status' in problem && problem.status === 413;
  const message = isTooLarge ? `a body may have ${maxBodyBytes} bytes` : 'the body is not JSON';
  // What is left of a body nobody reads must not be taken for the next request.
  response.set('connection', 'close');
  response.status(isTooLarge ? 413 : 400).json({ message });
  return isTooLarge ? 'too_large' : 'malformed';
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the webhook has no port');
  return address.port;
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
