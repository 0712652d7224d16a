import type { IncomingHttpHeaders } from 'node:http';
import type { Admission } from '../admission.ts';
import { ProxyError } from '../proxy-error.ts';
import type { SapTokens } from '../sap-token.ts';
import type { Upstream, UpstreamAnswer } from '../upstream.ts';
import { type ReceivedBody, bodyToSend } from './body-to-send.ts';

/** What a request to SAP is made of. */
export interface ForwardRequest {
  readonly headers: IncomingHttpHeaders;
  readonly received: ReceivedBody;
  /** Query of the application's request, with its `?`. */
  readonly search: string;
  readonly signal: AbortSignal;
  /** Aborted when the client has left: nothing is sent for it any more. */
  readonly gone: AbortSignal;
  /** Headers of unified metering that the application did not send itself. */
  readonly metering: Readonly<Record<string, string>>;
}

/** Not for SAP: of this hop only, ours, or what SAP must see from us. */
const dropped: ReadonlySet<string> = new Set([
  'accept-encoding',
  'api-key',
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'sapaibudget-budget',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Sends an admitted request to SAP, once more with a fresh token when SAP did not accept the first: then it has not
 * run anything. No other answer is repeated.
 *
 * @throws UpstreamError; ProxyError `token_unavailable` or `client_gone`, before anything was sent
 */
export async function forward(
  admission: Admission,
  request: ForwardRequest,
  { upstream, tokens }: { upstream: Upstream; tokens: SapTokens },
): Promise<UpstreamAnswer> {
  const body = bodyToSend(admission.demand.write(admission.limits), request.received);
  const attempt = (token: string) => {
    if (request.gone.aborted)
      throw new ProxyError('client_gone', 'the client left before its request was sent');
    return upstream.send({
      origin: admission.catalogue.api.origin,
      path: inferencePath(admission, request.search),
      headers: headersToSend(admission, request, token),
      body,
      signal: request.signal,
    });
  };
  const token = await tokens.get(admission.holder);
  const answer = await attempt(token);
  if (answer.status !== 401) return answer;
  tokens.drop(admission.holder, token);
  answer.body.abandon();
  const fresh = await tokens.get(admission.holder);
  const second = await attempt(fresh);
  if (second.status === 401) tokens.drop(admission.holder, fresh);
  return second;
}

/** A query of these characters alone is the same however it is parsed and written. */
const plainQuery = /^\?[\w.~=&%+,:-]*$/;

function inferencePath({ catalogue, target, family }: Admission, search: string): string {
  const { origin, pathname } = catalogue.api;
  const query = search === '' || plainQuery.test(search) ? search : new URL(search, origin).search;
  return `${pathname}/inference/deployments/${target.deploymentId}/${family.path}${query}`;
}

function headersToSend(
  { target }: Admission,
  { headers, metering }: Pick<ForwardRequest, 'headers' | 'metering'>,
  token: string,
): Record<string, string | string[]> {
  const hopHeaders = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  const sent: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !dropped.has(name) && !hopHeaders.includes(name)) sent[name] = value;
  Object.assign(sent, metering);
  sent['ai-resource-group'] = target.resourceGroup;
  sent['content-type'] = 'application/json';
  sent['accept-encoding'] = 'identity';
  sent['authorization'] = `Bearer ${token}`;
  return sent;
}
