import type { OutgoingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { send, sendAiApiError, sendAzureError, sendJson, sendTokenError } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { FaultName } from './fault-names.ts';
import type { Faults } from './faults.ts';
import { describeFailure, sendFailures } from './orchestration-failure.ts';

const statuses: readonly (readonly [FaultName, number])[] = [
  ['http-400', 400],
  ['http-401', 401],
  ['http-403', 403],
  ['http-503', 503],
  ['http-500', 500],
  ['http-502', 502],
  ['http-504', 504],
];

const refusals: readonly FaultName[] = [
  'http-400',
  'http-401',
  'http-403',
  'http-503',
  'throttled',
  'throttled-date',
];

const standardDelayMs = 1000;
const standardRetryAfterSeconds = 1;

/** Whether a fault turns the request away before a model has seen it, so that it costs nothing. */
export function isRefusal(faults: Faults): boolean {
  return refusals.some((name) => faults.has(name));
}

/** Fails as asked and answers true, or waits as asked and answers false: then the request goes on. */
export async function fail(exchange: Exchange, faults: Faults): Promise<boolean> {
  const slow = faults.get('slow-first-byte');
  if (slow !== undefined) {
    await pause(slow.delayMs ?? standardDelayMs, exchange.gone);
  }
  if (faults.has('never-answers')) {
    await untilGone(exchange.gone);
    return true;
  }
  if (faults.has('reset') || exchange.gone.aborted) {
    exchange.response.destroy();
    return true;
  }
  return failWithAnswer(exchange, faults);
}

/** Waits, but no longer than somebody is there to receive the answer. */
export async function pause(delayMs: number, gone: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal: gone });
  } catch (error) {
    if (!gone.aborted) {
      throw error;
    }
  }
}

function failWithAnswer(exchange: Exchange, faults: Faults): boolean {
  const status = statuses.find(([name]) => faults.has(name))?.[1];
  if (status !== undefined) {
    sendStatus(exchange, status, {});
    return true;
  }
  const throttled = faults.get('throttled') ?? faults.get('throttled-date');
  if (throttled !== undefined) {
    const seconds = throttled.retryAfterSeconds ?? standardRetryAfterSeconds;
    const date = new Date(exchange.world.now() + seconds * 1000).toUTCString();
    sendStatus(exchange, 429, { 'retry-after': faults.has('throttled') ? String(seconds) : date });
    return true;
  }
  if (faults.has('html-page')) {
    const body =
      '<!doctype html><html><head><title>Service</title></head><body><h1>Please wait</h1></body></html>';
    send(exchange.response, 200, { body, headers: { 'content-type': 'text/html; charset=utf-8' } });
    return true;
  }
  return false;
}

/** Sends a status in the words of the surface that was called. */
function sendStatus(exchange: Exchange, status: number, headers: OutgoingHttpHeaders): void {
  const { response, route } = exchange;
  const message = messages.get(status) ?? 'The request failed.';
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, value ?? '');
  }
  if (route === 'token') {
    sendTokenError(response, status, tokenErrors.get(status) ?? 'server_error', message);
    return;
  }
  if (azureRoutes.has(route) && status !== 401 && status !== 403) {
    sendAzureError(response, status, { message, code: String(status) });
    return;
  }
  if (/^(service|usage)-/.test(route)) {
    sendServiceStatus(exchange, status, message);
    return;
  }
  sendAiCoreStatus(exchange, status, message);
}

function sendAiCoreStatus(exchange: Exchange, status: number, message: string): void {
  const { route } = exchange;
  if (orchestrationRoutes.has(route) && status !== 401 && status !== 403) {
    const location = route === 'orchestration' ? 'LLM Module' : 'Embedding Module';
    sendFailures(exchange, [describeFailure(exchange, { code: status, location, text: message })], false);
    return;
  }
  if (status === 429) {
    sendJson(exchange.response, status, { error: { code: '429', message } });
    return;
  }
  sendAiApiError(exchange, status, message);
}

/** A status of one of the services beside AI Core. */
function sendServiceStatus({ response, route }: Exchange, status: number, message: string): void {
  if (route.startsWith('service-')) {
    sendJson(response, status, { error: serviceErrors.get(status) ?? 'GeneralError', description: message });
    return;
  }
  if (status === 429) {
    send(response, status, { body: throttlePage, headers: { 'content-type': 'text/html' } });
    return;
  }
  sendJson(response, status, { error: { message } });
}

/** What stands in front of usage data answers before it does. */
const throttlePage = `<html>
<head><title>429 Too Many Requests</title></head>
<body><center><h1>429 Too Many Requests</h1></center><hr><center>openresty</center></body>
</html>
`;

const serviceErrors = new Map([
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [429, 'TooManyRequests'],
]);

const azureRoutes: ReadonlySet<string> = new Set(['chat', 'embeddings']);
const orchestrationRoutes: ReadonlySet<string> = new Set(['orchestration', 'orchestration-embeddings']);

const messages = new Map([
  [400, 'The request was not understood.'],
  [401, 'The access token is not valid.'],
  [403, 'Access is denied.'],
  [429, 'exceeded token rate limit'],
  [500, 'The server had an error while processing your request.'],
  [502, 'Bad gateway.'],
  [503, 'no healthy upstream'],
  [504, 'upstream request timeout'],
]);

const tokenErrors = new Map([
  [400, 'invalid_request'],
  [401, 'unauthorized'],
  [403, 'access_denied'],
  [429, 'too_many_requests'],
]);

async function untilGone(gone: AbortSignal): Promise<void> {
  if (!gone.aborted) {
    await new Promise<void>((resolve) => {
      gone.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
