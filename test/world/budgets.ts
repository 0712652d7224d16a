/** The emulator's first subscription, as its catalogue has it. */
export const subscription = {
  clientId: 'sb-00000000-0000-4000-8000-000000000001!b1001|aicore!b540',
  clientSecret: 'emulator-secret-1$value=',
};

export interface BudgetOptions {
  namespace: string;
  name: string;
  /** CU as a Kubernetes quantity. */
  limit: string;
  emulatorUrl: string;
  /** More members of `spec`. */
  spec?: Record<string, unknown>;
}

/** The key of an SAP subscription as SAP gives it. */
function serviceKey(url: string, credentials = subscription): Record<string, unknown> {
  return {
    clientid: credentials.clientId,
    clientsecret: credentials.clientSecret,
    url,
    identityzone: 'acme-dev',
    identityzoneid: '00000000-0000-4000-8000-0000000000f1',
    appname: credentials.clientId.replace(/^sb-/, ''),
    serviceurls: { AI_API_URL: url },
  };
}

/** The key of the emulator's usage data, of the whole global account. */
export function usageKey(url: string): Record<string, unknown> {
  return {
    target_url: url,
    clientid: 'sb-00000000-0000-4000-8000-0000000000a0!b1001|uas!b36585',
    clientsecret: 'emulator-usage-secret$=',
    url,
    identityzone: 'acme-ga',
  };
}

/** A budget and the Secret it names. */
export function budgetObjects({ namespace, name, limit, emulatorUrl, spec = {} }: BudgetOptions): object[] {
  const secretName = `${name}-key`;
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secretName, namespace },
      stringData: { 'key.json': JSON.stringify(serviceKey(emulatorUrl)) },
    },
    {
      apiVersion: 'sapai.eerly.ai/v1alpha1',
      kind: 'SapAiBudget',
      metadata: { name, namespace },
      spec: { aiCore: { serviceKeySecretRef: { name: secretName } }, monthlyLimit: limit, ...spec },
    },
  ];
}
