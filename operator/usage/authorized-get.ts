import type { Dispatcher } from 'undici';
import { callJson } from '../sap/http-json.ts';
import type { AnswerLimits, JsonAnswer } from '../sap/http-json.ts';
import type { ServiceKey } from '../sap/service-key.ts';
import type { TokenBroker } from '../sap/token-broker.ts';

/** By what an API is read. */
export interface ApiAccess {
  key: ServiceKey;
  broker: TokenBroker;
  dispatcher: Dispatcher;
}

/** What to read, below the key's API address, and how long it may take. */
export interface GetOptions {
  path: string;
  limits: AnswerLimits;
  parse?: (text: string) => unknown;
  signal: AbortSignal;
}

/**
 * Any answer to a GET with a token of the key; a token that is not accepted is replaced once.
 *
 * @throws NoAnswerError, SapError of the token endpoint, or the signal's reason
 */
export async function authorizedGet(access: ApiAccess, options: GetOptions): Promise<JsonAnswer> {
  const { key, broker } = access;
  const { accessToken } = await broker.token(key, { signal: options.signal });
  const answer = await get(access, options, accessToken);
  if (answer.status !== 401) return answer;
  broker.drop(key, accessToken);
  const renewed = await broker.token(key, { signal: options.signal });
  return get(access, options, renewed.accessToken);
}

function get(
  { key, dispatcher }: ApiAccess,
  { path, ...options }: GetOptions,
  accessToken: string,
): Promise<JsonAnswer> {
  const headers = { authorization: `Bearer ${accessToken}` };
  return callJson({ dispatcher, method: 'GET', url: `${key.apiUrl}${path}`, headers, ...options });
}
