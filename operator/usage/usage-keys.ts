import { z } from 'zod';
import { isRecord } from '../kube/resource.ts';
import { SapError } from '../sap/sap-error.ts';
import { credentialsIn } from '../sap/secret-layout.ts';
import type { SecretEntries } from '../sap/secret-layout.ts';
import { SecretText } from '../sap/secret-text.ts';
import { keyMember, withPath } from '../sap/service-key.ts';
import type { ServiceKey, ServiceKeyOptions } from '../sap/service-key.ts';
import { allowUrl } from '../sap/url-policy.ts';

/** The two services whose keys look alike but for the member with the API's address. */
const services = {
  usage: { name: 'Usage Data Management (offering uas)', apiMember: 'target_url', apiPath: '/reports/v1' },
  serviceManager: { name: 'Service Manager', apiMember: 'sm_url', apiPath: '/v1' },
} as const;

/**
 * Reads a service key of Usage Data Management or Service Manager: its credentials lie beside the API's address or
 * below `uaa`.
 *
 * @throws SapError saying which member is missing or wrong, never a value
 */
export function parseApiKey(
  service: keyof typeof services,
  entries: SecretEntries,
  { key, allowedHosts }: ServiceKeyOptions,
): ServiceKey {
  const { apiMember, apiPath } = services[service];
  const document = credentialsIn(entries, key);
  const { uaa } = document;
  const credentials = isRecord(uaa) ? uaa : document;
  const member = (name: string, value: unknown): string => read(service, { name, value, credentials });
  const tokenBase = credentials['url'] ?? document['url'] ?? document['uaa_url'];
  const token = allowUrl(member('url', tokenBase), { member: 'url', allowedHosts });
  const api = allowUrl(member(apiMember, document[apiMember]), { member: apiMember, allowedHosts });
  return {
    clientId: member('clientid', credentials['clientid']),
    clientSecret: new SecretText(member('clientsecret', credentials['clientsecret'])),
    tokenUrl: withPath(token, '/oauth/token'),
    apiUrl: withPath(api, apiPath),
    identityZone: z.string().catch(token.host).parse(credentials['identityzone']),
  };
}

function read(
  service: keyof typeof services,
  { name, value, credentials }: { name: string; value: unknown; credentials: Record<string, unknown> },
): string {
  if (name === 'clientsecret' && value === undefined && credentials['certificate'] !== undefined)
    throw new SapError(
      'CertificateKeyUnsupported',
      'the service key has a certificate instead of a client secret: create a key with credential-type binding-secret',
    );
  if (value === undefined)
    throw new SapError(
      'ServiceKeyIncomplete',
      `the service key has no ${name}: store the whole key of ${services[service].name} as SAP shows it`,
    );
  const parsed = keyMember.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SapError(
    'ServiceKeyMalformed',
    `the service key's ${name} has the wrong form: store the key as SAP shows it`,
  );
}
