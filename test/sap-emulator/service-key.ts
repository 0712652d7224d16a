import type { Tenant } from './config.ts';

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
