import type { IncomingMessage } from 'node:http';
import { header } from '../exchange.ts';
import type { AppKeys } from '../keys.ts';
import { ProxyError } from '../proxy-error.ts';

/**
 * Checks the application's key or token: loopback is not authentication.
 *
 * @returns the budget that the credential names
 * @throws ProxyError `not_authenticated`
 */
export function authenticate(request: IncomingMessage, keys: AppKeys, nowMs: number): string {
  const authorization = header(request, 'authorization') ?? '';
  const bearer = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  const credential = bearer ?? header(request, 'api-key');
  const budget = credential === undefined ? undefined : keys.budgetOfCredential(credential, nowMs);
  if (budget !== undefined) return budget;
  throw new ProxyError(
    'not_authenticated',
    'show the key this pod was given, <budget>.<app key>, as bearer token or api-key, or a token of /oauth/token',
  );
}
