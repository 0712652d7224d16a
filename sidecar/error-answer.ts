import type { ProxyError } from './proxy-error.ts';

/** Whose error shape a route speaks. */
export type Surface = 'openai' | 'orchestration' | 'ai-api' | 'oauth';

/** An answer that is wholly known. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * A few seconds only: several clients sleep for whatever this says. Absent where repeating does not help, because
 * some clients repeat whenever they find it.
 */
const retryAfterSeconds = '2';

/** The answer to a request that failed, in the shape that the clients of its surface read. */
export function errorAnswer(error: ProxyError, surface: Surface, requestId: string): PlainAnswer {
  const retryHeaders = error.retry ? { 'retry-after': retryAfterSeconds } : { 'x-should-retry': 'false' };
  return {
    status: error.status,
    headers: {
      'content-type': 'application/json',
      'sapaibudget-request-id': requestId,
      'sapaibudget-reason': error.reason,
      ...(error.status === 401 && { 'www-authenticate': 'Bearer' }),
      ...retryHeaders,
    },
    body: JSON.stringify(bodies[surface](error, requestId)),
  };
}

const bodies: Record<Surface, (error: ProxyError, requestId: string) => unknown> = {
  openai: (error) => ({
    error: {
      message: error.message,
      type: openAiType(error),
      param: error.field ?? null,
      code: error.reason === 'exhausted' ? 'insufficient_quota' : error.reason,
      sapaibudget: { reason: error.reason, ...error.facts },
    },
  }),
  orchestration: (error, requestId) => ({
    error: {
      request_id: requestId,
      code: error.status,
      message: error.message,
      location: error.field ?? 'sap-ai-budget',
      sapaibudget: { reason: error.reason, ...error.facts },
    },
  }),
  'ai-api': (error, requestId) => ({
    error: { code: error.reason, message: error.message, requestId, ...withFacts(error) },
  }),
  oauth: (error) => ({
    error: error.reason === 'not_authenticated' ? 'invalid_client' : oauthCode(error),
    error_description: error.message,
  }),
};

function withFacts(error: ProxyError) {
  return Object.keys(error.facts).length > 0 ? { details: { sapaibudget: error.facts } } : {};
}

function openAiType(error: ProxyError): string {
  if (error.reason === 'exhausted') return 'insufficient_quota';
  if (error.status === 401) return 'authentication_error';
  if (error.status === 403) return 'permission_error';
  return error.status < 500 ? 'invalid_request_error' : 'server_error';
}

function oauthCode(error: ProxyError): string {
  if (error.reason === 'unsupported_grant') return 'unsupported_grant_type';
  return error.status < 500 ? 'invalid_request' : 'temporarily_unavailable';
}
