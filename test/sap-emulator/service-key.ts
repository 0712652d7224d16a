import type { Tenant } from './config.ts';
import type { OAuthClient } from './oauth-clients.ts';

/** A service key in the layout of AI Core's, its URLs those of the emulator. */
export interface ServiceKey {
  clientid: string;
  clientsecret: string;
  url: string;
  identityzone: string;
  identityzoneid: string;
  appname: string;
  serviceurls: { AI_API_URL: string };
}

/** The key of a tenant for an emulator at `origin`. */
export function serviceKey(tenant: Tenant, origin: string): ServiceKey {
  return {
    clientid: tenant.clientId,
    clientsecret: tenant.clientSecret,
    url: origin,
    identityzone: tenant.identityZone,
    identityzoneid: tenant.identityZoneId,
    appname: tenant.clientId.replace(/^sb-/, ''),
    serviceurls: { AI_API_URL: origin },
  };
}

/** A key of Service Manager. */
export interface ServiceManagerKey {
  clientid: string;
  clientsecret: string;
  url: string;
  xsappname: string;
  sm_url: string;
}

/** The key of Service Manager in a tenant's subaccount. */
export function serviceManagerKey(
  clients: readonly OAuthClient[],
  tenant: Tenant,
  origin: string,
): ServiceManagerKey {
  const client = clients.find((one) => one.api === 'service-manager' && one.tenant === tenant);
  return { ...credentials(client, origin), sm_url: origin };
}

interface Credentials {
  clientid: string;
  clientsecret: string;
  url: string;
  identityzone: string;
  xsappname: string;
}

/** A key of Usage Data Management: its credentials lie beside the URL or below `uaa`. */
export type UsageKey = { target_url: string } & (Credentials | { uaa: Credentials });

/** The key of Usage Data Management. */
export function usageKey(
  clients: readonly OAuthClient[],
  layout: 'flat' | 'nested',
  origin: string,
): UsageKey {
  const found = credentials(
    clients.find((one) => one.api === 'usage'),
    origin,
  );
  return layout === 'flat' ? { target_url: origin, ...found } : { target_url: origin, uaa: found };
}

function credentials(client: OAuthClient | undefined, origin: string): Credentials {
  if (client === undefined) {
    throw new RangeError('the configuration has no such client');
  }
  const { clientId, clientSecret, identityZone } = client;
  return {
    clientid: clientId,
    clientsecret: clientSecret,
    url: origin,
    identityzone: identityZone,
    xsappname: clientId.replace(/^sb-/, ''),
  };
}
