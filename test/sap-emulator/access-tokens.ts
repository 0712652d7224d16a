import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Tenant } from './config.ts';

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
  issue(tenant: Tenant): IssuedToken;
  /** Whose token this is, or undefined when it is forged, expired or of nobody known. */
  check(token: string): Tenant | undefined;
}

/** What the issuer is made from. */
export interface AccessTokenOptions {
  tenants: readonly Tenant[];
  lifetimeSeconds: number;
  now: () => number;
  origin: () => string;
}

const claims = z.object({ exp: z.number(), client_id: z.string() });
const header = encode({ alg: 'HS256', typ: 'JWT', kid: 'emulator' });

/** An issuer with a new random key. */
export function createAccessTokens({
  tenants,
  lifetimeSeconds,
  now,
  origin,
}: AccessTokenOptions): AccessTokens {
  const key = randomBytes(32);
  const sign = (text: string): string => createHmac('sha256', key).update(text).digest('base64url');
  return {
    issue: (tenant) => {
      const issuedAt = Math.floor(now() / 1000);
      const jti = randomUUID().replaceAll('-', '');
      const payload = encode({
        ...tenantClaims(tenant),
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
      return tenants.find(({ clientId }) => clientId === parsed.data.client_id);
    },
  };
}

function tenantClaims(tenant: Tenant): Record<string, unknown> {
  return {
    sub: tenant.clientId,
    client_id: tenant.clientId,
    cid: tenant.clientId,
    azp: tenant.clientId,
    grant_type: 'client_credentials',
    scope: ['uaa.resource'],
    zid: tenant.identityZoneId,
    ext_attr: {
      enhancer: 'XSUAA',
      zdn: tenant.identityZone,
      serviceinstanceid: tenant.serviceInstanceId,
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
