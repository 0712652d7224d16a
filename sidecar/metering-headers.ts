import type { IncomingHttpHeaders } from 'node:http';
import { maxMetricParam, type UnifiedMetering } from '../accounting/unified-metering.ts';

/** Headers of unified metering beside `AI-Resource-Group`, which every call has. */
const names = {
  useCase: 'x-usecase-id',
  tenant: 'x-localtenant-id',
  product: 'x-product-type',
  pattern: 'x-business-metric-pattern',
  param: 'x-business-metric-param',
  context: 'x-business-context',
} as const;

/** What of unified metering goes with a call. */
export interface MeteringHeaders {
  /** Those that the client did not send itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the call takes part in unified metering, and SAP would leave it out: a header is missing or not valid. */
  readonly unmetered: boolean;
}

/**
 * Completes the headers of SAP's unified metering. What the client sent stays as it is; a call without a business
 * context gets the request's id. A client that counts in another pattern than the budget has to send its parameter,
 * too: minutes are no tokens.
 */
export function meteringHeaders(
  client: IncomingHttpHeaders,
  { metering, requestId }: { metering: UnifiedMetering | undefined; requestId: string },
): MeteringHeaders {
  const sent = (name: string) => client[name] !== undefined;
  if (metering === undefined && !Object.values(names).some(sent)) return { headers: {}, unmetered: false };
  const configured = metering === undefined ? {} : configuredHeaders(client, metering);
  const all: Record<string, string> = { ...configured, [names.context]: requestId };
  const headers = Object.fromEntries(Object.entries(all).filter(([name]) => !sent(name)));
  return { headers, unmetered: !isMetered({ ...client, ...headers }) };
}

function configuredHeaders(client: IncomingHttpHeaders, metering: UnifiedMetering): Record<string, string> {
  const { useCaseId, productType, businessMetric, localTenantId = '' } = metering;
  const otherPattern = (client[names.pattern] ?? businessMetric.pattern) !== businessMetric.pattern;
  return {
    [names.useCase]: useCaseId,
    [names.tenant]: localTenantId,
    [names.product]: productType,
    [names.pattern]: businessMetric.pattern,
    ...(!otherPattern && { [names.param]: String(businessMetric.param) }),
  };
}

/** The tenant alone may be empty. */
function isMetered(headers: IncomingHttpHeaders): boolean {
  const filled = [names.useCase, names.product, names.context].every((name) => isFilled(headers[name]));
  return (
    filled && headers[names.tenant] !== undefined && isMetric(headers[names.pattern], headers[names.param])
  );
}

function isFilled(value: string | string[] | undefined): boolean {
  return value !== undefined && value.length > 0;
}

function isMetric(pattern: unknown, param: unknown): boolean {
  if ((pattern !== 'COUNT' && pattern !== 'PAGES') || typeof param !== 'string') return false;
  return /^[1-9]\d{0,5}$/.test(param) && Number(param) <= maxMetricParam;
}
