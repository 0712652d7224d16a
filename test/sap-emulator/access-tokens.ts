import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { OAuthClient } from './oauth-clients.ts';

/** An access token as the token endpoint answers it. */
export interface IssuedToken {
  access_token: string;
  token_type: 'bearer';
  expires_in: number;
  scope: string;
  jti: string;
}

/** Issues and checks access tokens: JWTs signed with a key that lives as long as the process. */
export interface AccessTokens {
  issue(client: OAuthClient): IssuedToken;
  /** Whose token this is, or undefined when it is forged, expired or of nobody known. */
  check(token: string): OAuthClient | undefined;
}

/** What the issuer is made from. */
export interface AccessTokenOptions {
  clients: readonly OAuthClient[];
  lifetimeSeconds: number;
  now: () => number;
  origin: () => string;
}

const claims = z.object({ exp: z.number(), client_id: z.string() });
const header = encode({ alg: 'HS256', typ: 'JWT', kid: 'emulator' });

/** An issuer with a new random key. */
export function createAccessTokens({
  clients,
  lifetimeSeconds,
  now,
  origin,
}: AccessTokenOptions): AccessTokens {
  const key = randomBytes(32);
  const sign = (text: string): string => createHmac('sha256', key).update(text).digest('base64url');
  return {
    issue: (client) => {
      const issuedAt = Math.floor(now() / 1000);
      const jti = randomUUID().replaceAll('-', '');
      const payload = encode({
        ...clientClaims(client),
        jti,
        iss: `${origin()}/oauth/token`,
        iat: issuedAt,
        exp: issuedAt + lifetimeSeconds,
      });
      const access_token = `${header}.${payload}.${sign(`${header}.${payload}`)}`;
      return { access_token, token_type: 'bearer', expires_in: lifetimeSeconds, scope: 'uaa.resource', jti };
    },
    check: (token) => {
      const [head = '', payload = '', signature = '', ...rest] = token.split('.');
      if (rest.length > 0 || !isEqual(signature, sign(`${head}.${payload}`))) {
        return undefined;
      }
      const parsed = claims.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
      if (!parsed.success || parsed.data.exp * 1000 <= now()) {
        return undefined;
      }
      return clients.find(({ clientId }) => clientId === parsed.data.client_id);
    },
  };
}

function clientClaims(client: OAuthClient): Record<string, unknown> {
  return {
    sub: client.clientId,
    client_id: client.clientId,
    cid: client.clientId,
    azp: client.clientId,
    grant_type: 'client_credentials',
    scope: ['uaa.resource'],
    zid: client.identityZoneId,
    ext_attr: {
      enhancer: 'XSUAA',
      zdn: client.identityZone,
      serviceinstanceid: client.serviceInstanceId,
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function isEqual(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
