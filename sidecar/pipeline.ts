import type { Admission } from './admission.ts';
import type { Catalogue } from './catalogue.ts';
import type { Exchange } from './exchange.ts';
import { chunkTimer } from './chunk-timer.ts';
import { collect } from './collect.ts';
import { outcomeLabels, requestLabels } from './labels.ts';
import type { RequestOutcome } from './metrics.ts';
import { meteringHeaders } from './metering-headers.ts';
import { ProxyError } from './proxy-error.ts';
import type { ReadOn } from './read-on.ts';
import type { Services } from './services.ts';
import { answerDeployment, answerDeployments } from './steps/answer-deployments.ts';
import { endOfWhole, sendWhole } from './steps/answer-json.ts';
import { isEventStream, relayStream } from './steps/answer-stream.ts';
import { answerReceipt } from './steps/answer-receipt.ts';
import { answerModel, answerModels } from './steps/answer-models.ts';
import { answerStatus } from './steps/answer-status.ts';
import { answerToken } from './steps/answer-token.ts';
import { authenticate } from './steps/authenticate.ts';
import type { ReceivedBody } from './steps/body-to-send.ts';
import { boundRequest } from './steps/bound-request.ts';
import { chooseBudget } from './steps/choose-budget.ts';
import { forward } from './steps/forward.ts';
import { parseObject, readBody } from './steps/read-body.ts';
import { reserve } from './steps/reserve.ts';
import { selectDeployment } from './steps/select-deployment.ts';
import { selectModel } from './steps/select-model.ts';
import { type Route, selectRoute } from './steps/select-route.ts';
import { type UpstreamAnswer, UpstreamError } from './upstream.ts';

/**
 * Serves one request, until its answer has left and its cost is booked. Throws, or rejects: to be awaited at once.
 *
 * @throws ProxyError, to be answered in the shape of the request's surface
 */
export function serve(exchange: Exchange, services: Services): Promise<void> | void {
  const { keys, clock, configuration, life } = services;
  if (life.refusing) throw new ProxyError('shutting_down', 'this sidecar is shutting down');
  const route = selectRoute(exchange.request);
  if (route.kind === 'token') return answerToken(exchange, keys, clock.wallMs());
  // Nobody learns anything, and no body is read, before this.
  const credentialBudget = authenticate(exchange.request, keys, clock.wallMs());
  if (route.kind === 'status') return answerStatus(exchange, services);
  if (route.kind === 'receipt') return answerReceipt(exchange, services.receipts, route.requestId);
  const catalogue = chooseBudget(exchange.request, credentialBudget, configuration.budgets);
  exchange.budget = catalogue.budget;
  if (route.kind === 'inference') return serveInference(exchange, { route, catalogue }, services);
  return answerRead(exchange, { route, catalogue }, services.origin());
}

function answerRead(
  exchange: Exchange,
  {
    route,
    catalogue,
  }: {
    route: Extract<Route, { kind: 'deployments' | 'deployment' | 'models' | 'model' }>;
    catalogue: Catalogue;
  },
  origin: string,
): void {
  if (route.kind === 'models') return answerModels(exchange, catalogue);
  if (route.kind === 'model') return answerModel(exchange, catalogue, route.id);
  if (route.kind === 'deployments')
    return answerDeployments(exchange, catalogue, { query: route.query, origin });
  return answerDeployment(exchange, catalogue, { deploymentId: route.deploymentId, origin });
}

async function serveInference(exchange: Exchange, call: InferenceRoute, services: Services): Promise<void> {
  const count = (outcome: RequestOutcome, status: number) =>
    services.metrics.requests.inc(outcomeLabels(call.catalogue, outcome, status));
  try {
    const { clampedTokens } = await meterInference(exchange, call, services);
    const status = exchange.response.statusCode;
    count(outcomeOf(exchange, { status, clamped: clampedTokens !== undefined }), status);
  } catch (error) {
    if (error instanceof ProxyError) count(outcomeOfError(error), error.status);
    throw error;
  }
}

interface InferenceRoute {
  readonly route: Extract<Route, { kind: 'inference' }>;
  readonly catalogue: Catalogue;
}

function outcomeOf(exchange: Exchange, answer: { status: number; clamped: boolean }): RequestOutcome {
  if (exchange.gone.aborted) return 'client_gone';
  if (answer.status >= 400) return 'upstream_error';
  return answer.clamped ? 'clamped' : 'ok';
}

function outcomeOfError({ reason }: ProxyError): RequestOutcome {
  if (reason === 'exhausted') return 'denied';
  if (reason === 'client_gone') return 'client_gone';
  return reason.startsWith('upstream_') ? 'upstream_error' : 'refused';
}

async function meterInference(
  exchange: Exchange,
  { route, catalogue }: InferenceRoute,
  services: Services,
): Promise<Admission> {
  const { bodies, clock, config, metrics } = services;
  using room = bodies.hold();
  // A deployment that the path names is looked for before the body is read.
  if (route.deploymentId !== undefined) selectNamed(exchange, catalogue, route);
  const bytes = await readBody(exchange.request, { maxBytes: config.maxBodyBytes, room });
  const received = { bytes, value: parseObject(bytes) };
  // From here on money is set aside: whatever happens below ends the reservation.
  const admission = await admitInPeriod(exchange, { route, catalogue, body: received.value }, services);
  const labels = requestLabels(admission);
  metrics.overhead.observe(admitPhase, (clock.monotonicMs() - exchange.arrivedMs) / 1000);
  if (admission.clampedTokens !== undefined) metrics.clamped.inc(labels.perModel);
  metrics.inFlight.inc(noLabels);
  let errorType = '';
  try {
    await callAndAnswer(exchange, { admission, received, search: route.search }, services);
    errorType = errorTypeOf(exchange);
    return admission;
  } catch (error) {
    errorType = error instanceof ProxyError ? error.reason : 'internal_error';
    throw error;
  } finally {
    metrics.inFlight.inc(noLabels, -1);
    // Does nothing when the request was booked; what was not, for a fault of ours, is not free.
    admission.reservation.unknown('connection_lost');
    const ended = errorType === '' ? labels.good : { ...labels.operation, error_type: errorType };
    metrics.duration.observe(ended, (clock.monotonicMs() - exchange.arrivedMs) / 1000);
  }
}

const admitPhase = Object.freeze({ phase: 'admit' });
const totalPhase = Object.freeze({ phase: 'total' });
const noLabels = Object.freeze({});

/** A request whose period ends while it waits is admitted in the next one, by that one's prices. */
async function admitInPeriod(
  exchange: Exchange,
  call: InferenceRoute & { body: Record<string, unknown> },
  services: Services,
): Promise<Admission> {
  const { ledger, budget } = call.catalogue.budget;
  try {
    return await admit(exchange, call, services);
  } catch (error) {
    if (!(error instanceof ProxyError) || error.reason !== 'lease_unavailable') throw error;
    const current = services.configuration.budgets?.get(budget);
    if (current?.state !== 'ready' || current.catalogue.budget.ledger.uid === ledger.uid) throw error;
    return admit(exchange, { ...call, catalogue: current.catalogue }, services);
  }
}

/** Decides what a request may cost, and reserves it. */
function admit(
  exchange: Exchange,
  { route, catalogue, body }: InferenceRoute & { body: Record<string, unknown> },
  { booking, clock, leases }: Services,
): Promise<Admission> {
  const { family } = route;
  const { executables } = family;
  const target =
    route.deploymentId === undefined
      ? selectModel(exchange.request, catalogue, { model: body['model'], executables })
      : selectNamed(exchange, catalogue, route);
  const outline = family.outline(body, { catalogue, deployment: target.deployment });
  const demand = boundRequest(outline, { catalogue, nowMs: clock.wallMs() });
  booking.refuseClosedRoute({ catalogue, target, demand });
  return reserve(exchange, { catalogue, target, family, demand }, leases);
}

/** Empty where the answer is a good one; else its class, for SAP's own errors are passed on. */
function errorTypeOf({ gone, response }: Exchange): string {
  if (gone.aborted) return 'client_gone';
  return response.statusCode < 400 ? '' : `${Math.floor(response.statusCode / 100)}xx`;
}

function selectNamed(
  exchange: Exchange,
  catalogue: Catalogue,
  { family, deploymentId = '' }: InferenceRoute['route'],
) {
  return selectDeployment(exchange.request, catalogue, { deploymentId, executables: family.executables });
}

/** A request that may be sent. */
interface AdmittedCall {
  readonly admission: Admission;
  readonly received: ReceivedBody;
  readonly search: string;
}

async function callAndAnswer(
  exchange: Exchange,
  { admission, received, search }: AdmittedCall,
  services: Services,
): Promise<void> {
  const { booking, clock, config, metrics } = services;
  const readOn = services.readOns.begin(exchange.gone);
  try {
    const sentAtMs = clock.monotonicMs();
    const head = await callUpstream(exchange, { admission, received, search, readOn }, services);
    const overheadMs = sentAtMs - exchange.arrivedMs;
    if (isEventStream(head))
      await relayStream(exchange, {
        admission,
        head,
        overheadMs,
        givenUp: () => readOn.end,
        onChunk: chunkTimer(requestLabels(admission).operation, {
          metrics,
          clock,
          arrivedMs: exchange.arrivedMs,
        }),
        book: (end) => booking.book(admission, end),
        stallMs: config.upstreamMs,
      });
    else await relayWhole(exchange, { admission, head, sentAtMs, readOn }, services);
  } finally {
    readOn.dispose();
  }
}

async function callUpstream(
  exchange: Exchange,
  { admission, received, search, readOn }: AdmittedCall & { readOn: ReadOn },
  services: Services,
): Promise<UpstreamAnswer> {
  const { booking } = services;
  const { headers } = exchange.request;
  const metering = meteringOf(exchange, admission, services);
  try {
    const { gone } = exchange;
    const { signal } = readOn;
    return await forward(admission, { headers, received, search, signal, gone, metering }, services);
  } catch (error) {
    if (!(error instanceof UpstreamError)) {
      // No token, or no client any more: nothing was sent.
      booking.book(admission, { kind: 'not_sent' });
      throw error;
    }
    if (error.reason === 'not_sent') {
      booking.book(admission, { kind: 'not_sent' });
      throw new ProxyError('upstream_unreachable', error.message, { cause: error });
    }
    if (error.status !== undefined) {
      // Its status tells as much as of an answer that could be read; a 400 may be a content filter's.
      booking.book(admission, { kind: 'answered', status: error.status, mayHaveRun: error.status === 400 });
      throw new ProxyError('upstream_encoding', error.message, { cause: error });
    }
    booking.book(admission, { kind: readOn.end === 'read_bound' ? 'read_bound' : 'connection_lost' });
    throw new ProxyError('upstream_connection_lost', error.message, { cause: error });
  }
}

/** Headers of unified metering to add; counts a call that SAP would leave out. */
function meteringOf({ id, request }: Exchange, { catalogue }: Admission, { metrics }: Services) {
  const { namespace, budget, unifiedMetering } = catalogue.budget;
  const { headers, unmetered } = meteringHeaders(request.headers, {
    metering: unifiedMetering,
    requestId: id,
  });
  if (unmetered) metrics.unmeteredHeaders.inc({ budget, budget_namespace: namespace });
  return headers;
}

async function relayWhole(
  exchange: Exchange,
  call: { admission: Admission; head: UpstreamAnswer; sentAtMs: number; readOn: ReadOn },
  services: Services,
): Promise<void> {
  const { booking, clock, config, metrics } = services;
  const { admission, head, sentAtMs, readOn } = call;
  // Its cost goes into headers, which leave before the body.
  const whole = await collect(head.body, config.maxAnswerBytes);
  const upstreamMs = clock.monotonicMs() - sentAtMs;
  const end = endOfWhole(head.status, whole, admission.family);
  const settlement = booking.book(
    admission,
    end.kind === 'connection_lost' && readOn.end === 'read_bound' ? { kind: 'read_bound' } : end,
  );
  if (head.status === 429) metrics.throttled.inc(requestLabels(admission).perModel);
  const overheadMs = clock.monotonicMs() - exchange.arrivedMs - upstreamMs;
  metrics.overhead.observe(totalPhase, overheadMs / 1000);
  sendWhole(exchange, admission, { head, whole, settlement, overheadMs });
}
