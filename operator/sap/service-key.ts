import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SapError } from './sap-error.ts';
import type { SecretEntries } from './secret-layout.ts';
import { credentialsIn, instanceIdIn } from './secret-layout.ts';
import { SecretText } from './secret-text.ts';
import { allowUrl } from './url-policy.ts';

/** A service key of SAP AI Core, checked: its URLs may be called. */
export interface ServiceKey {
  clientId: string;
  clientSecret: SecretText;
  /** Where tokens come from, with `/oauth/token`. */
  tokenUrl: string;
  /** AI Core's origin with `/v2`, without a trailing slash. */
  apiUrl: string;
  /** Subdomain or id of the subaccount, as far as the key says. */
  identityZone: string;
  /** Of the AI Core instance, where the Secret says it. */
  instanceId?: string;
}

/** The longest member of a real key, the client id, has about 100 characters. */
export const keyMember = z.string().trim().min(1).max(2048);

const keyDocument = z.object({
  clientid: keyMember,
  clientsecret: keyMember,
  url: keyMember,
  identityzone: keyMember.optional(),
  identityzoneid: keyMember.optional(),
  serviceurls: z.object({ AI_API_URL: keyMember }),
});

/** What to read in a Secret, and which hosts it may name. */
export interface ServiceKeyOptions {
  /** Entry with the key; absent: the layout is recognised. */
  key?: string | undefined;
  allowedHosts: readonly string[];
}

/**
 * Reads a service key out of a Secret's entries.
 *
 * @throws SapError saying which member is missing or wrong, never a value
 */
export function parseServiceKey(
  entries: SecretEntries,
  { key, allowedHosts }: ServiceKeyOptions,
): ServiceKey {
  const credentials = credentialsIn(entries, key);
  const result = keyDocument.safeParse(credentials);
  if (!result.success) throw malformed(result.error, credentials);
  const { clientid, clientsecret, url, serviceurls, identityzone, identityzoneid } = result.data;
  const token = allowUrl(url, { member: 'url', allowedHosts });
  const api = allowUrl(serviceurls.AI_API_URL, { member: 'serviceurls.AI_API_URL', allowedHosts });
  const instanceId = instanceIdIn(entries) ?? instanceOf(clientid);
  return {
    clientId: clientid,
    clientSecret: new SecretText(clientsecret),
    tokenUrl: withPath(token, '/oauth/token'),
    apiUrl: withPath(api, '/v2'),
    identityZone: identityzoneid ?? identityzone ?? token.host,
    ...(instanceId === undefined ? {} : { instanceId }),
  };
}

/** Tells keys apart without showing them: a hash over all that is sent to SAP. */
export function fingerprint(key: ServiceKey): string {
  return createHash('sha256')
    .update(JSON.stringify([key.clientId, key.clientSecret.reveal(), key.tokenUrl, key.apiUrl]))
    .digest('hex');
}

/**
 * By what two keys are known to be of one subscription: any of these in common. The client is the same in every key of
 * an instance; the instance's id is not in every key.
 */
export function subscriptionIdentities(key: ServiceKey): string[] {
  const client = `${key.identityZone} client ${key.clientId}`;
  return key.instanceId === undefined ? [client] : [client, `${key.identityZone} instance ${key.instanceId}`];
}

/** XSUAA makes the client id of a service instance from the instance's id: `sb-<id>!b<n>|<application>`. */
function instanceOf(clientId: string): string | undefined {
  return /^sb-([0-9a-f]{8}-[0-9a-f-]{27})!/i.exec(clientId)?.[1]?.toLowerCase();
}

/** Keys carry the bare origin, environment-style settings the whole path: accept both. */
export function withPath(url: URL, path: string): string {
  const base = url.pathname.replace(/\/+$/, '');
  return url.origin + (base.endsWith(path) ? base : base + path);
}

function malformed(error: z.ZodError, credentials: Record<string, unknown>): SapError {
  if (credentials['clientsecret'] === undefined && credentials['certificate'] !== undefined)
    return new SapError(
      'CertificateKeyUnsupported',
      'the service key has a certificate instead of a client secret: create a key with credential-type binding-secret',
    );
  const members = [...new Set(error.issues.map((issue) => issue.path.join('.')))];
  const missing = members.filter((path) => valueAt(credentials, path) === undefined);
  if (missing.length > 0)
    return new SapError(
      'ServiceKeyIncomplete',
      `the service key has no ${missing.join(', ')}: store the whole key of AI Core as SAP shows it`,
    );
  return new SapError(
    'ServiceKeyMalformed',
    `the service key's ${members.join(', ')} ${members.length === 1 ? 'has' : 'have'} the wrong form: store the key as SAP shows it`,
  );
}

function valueAt(credentials: Record<string, unknown>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined),
      credentials,
    );
}
