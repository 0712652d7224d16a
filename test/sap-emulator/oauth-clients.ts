import type { EmulatorConfig, Tenant } from './config.ts';

/** A client of the token endpoint, and what its tokens are for. */
export interface OAuthClient {
  clientId: string;
  clientSecret: string;
  identityZone: string;
  identityZoneId: string;
  serviceInstanceId: string;
  api: 'ai-core' | 'usage' | 'service-manager';
  /** Whose subaccount it is; a client of usage data sees all of them. */
  tenant?: Tenant;
}

const usageGuid = '00000000-0000-4000-8000-0000000000a0';

/** Every client of a configuration: one for AI Core and one for Service Manager a tenant, one for usage data. */
export function oauthClients({ tenants, usageData }: EmulatorConfig): OAuthClient[] {
  const perTenant = tenants.flatMap((tenant): OAuthClient[] => [
    { ...tenant, api: 'ai-core', tenant },
    {
      clientId: `sb-sm-${tenant.serviceInstanceId}!b1001|service-manager!b1476`,
      clientSecret: `sm-${tenant.clientSecret}`,
      identityZone: tenant.identityZone,
      identityZoneId: tenant.identityZoneId,
      serviceInstanceId: `sm-${tenant.serviceInstanceId}`,
      api: 'service-manager',
      tenant,
    },
  ]);
  return [...perTenant, usageClient(usageData.clientSecret)];
}

function usageClient(clientSecret: string): OAuthClient {
  return {
    clientId: `sb-${usageGuid}!b1001|uas!b36585`,
    clientSecret,
    identityZone: 'acme-ga',
    identityZoneId: '00000000-0000-4000-8000-0000000000f0',
    serviceInstanceId: usageGuid,
    api: 'usage',
  };
}
