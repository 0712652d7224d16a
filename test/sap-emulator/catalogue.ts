import type { Deployment, Model, RateTier, Tenant } from './config.ts';

/**
 * What the emulator offers where the caller does not say otherwise. Rates of gpt-4o 2024-05-13, gpt-5,
 * gpt-4.1, claude, gemini and ada are ones that SAP or its users published; the others are made up.
 */
export const standardModels: Model[] = [
  azure('gpt-4o', 'chat', [
    version('2024-05-13', 128_000, 4096, { input: '0.00312', output: '0.0092' }, { isLatest: false }),
    version('2024-11-20', 128_000, 16_384, { input: '0.00156', output: '0.00614' }),
  ]),
  azure('gpt-4o-mini', 'chat', [
    version('2024-07-18', 128_000, 16_384, { input: '0.00112', output: '0.00320' }),
  ]),
  azure('gpt-4.1', 'chat', [
    version('2025-04-14', 1_047_576, 32_768, { input: '0.00129', output: '0.00494', cacheRead: '0.00032' }),
  ]),
  azure('gpt-5', 'reasoning', [
    version('2025-08-07', 400_000, 128_000, { input: '0.00091', output: '0.00678' }),
  ]),
  azure('gpt-5.4-nano', 'reasoning', [
    version('2026-03-17', 400_000, 128_000, { input: '0.00021', output: '0.00131' }, { costShown: false }),
  ]),
  azure('text-embedding-ada-002', 'embedding', [version('2', 8191, 1, { input: '0.00029', output: '0.0' })]),
  {
    model: 'gemini-2.5-pro',
    executableId: 'gcp-vertexai',
    provider: 'Google',
    kind: 'reasoning',
    versions: [
      {
        name: '001',
        isLatest: true,
        deprecated: false,
        contextLength: 1_048_576,
        maxOutputTokens: 65_536,
        costShown: true,
        rates: [
          { upToInputTokens: 200_000, input: '0.00087', output: '0.00647', cacheRead: '0.00009' },
          { input: '0.00167', output: '0.00966', cacheRead: '0.00017' },
        ],
      },
    ],
  },
  {
    model: 'anthropic--claude-4-sonnet',
    executableId: 'aws-bedrock',
    provider: 'Anthropic',
    kind: 'chat',
    versions: [version('1', 200_000, 64_000, { input: '0.00204', output: '0.00988', cacheRead: '0.00020' })],
  },
];

/** One deployment of each kind a client meets, the odd ones included. */
export const standardDeployments: Deployment[] = [
  running('d000000000000001', 'azure-openai', { name: 'gpt-4o', version: 'latest' }),
  {
    ...running('d000000000000002', 'azure-openai', { name: 'gpt-4o', version: '2024-05-13' }),
    configurationName: 'gpt-4o-first-version',
    detailsUnder: 'backend_details',
  },
  running('d000000000000003', 'azure-openai', { name: 'gpt-4o-mini', version: '2024-07-18' }),
  running('d000000000000004', 'azure-openai', { name: 'gpt-4.1', version: 'latest' }),
  {
    ...running('d000000000000005', 'azure-openai', { name: 'gpt-5', version: 'latest' }),
    detailsUnder: 'backendDetails',
  },
  running('d000000000000006', 'azure-openai', { name: 'gpt-5.4-nano', version: 'latest' }),
  running('d000000000000007', 'azure-openai', { name: 'text-embedding-ada-002', version: '2' }),
  running('d000000000000008', 'gcp-vertexai', { name: 'gemini-2.5-pro', version: '001' }),
  running('d000000000000009', 'aws-bedrock', { name: 'anthropic--claude-4-sonnet', version: '1' }),
  orchestration('d00000000000000a', 'RUNNING'),
  orchestration('d00000000000000b', 'STOPPED'),
  {
    ...running('d00000000000000c', 'azure-openai', { name: 'gpt-4o-mini', version: '2024-07-18' }),
    status: 'STOPPED',
  },
  {
    ...running('d00000000000000d', 'azure-openai', { name: 'gpt-4o-mini', version: '2024-07-18' }),
    resourceGroup: 'team-a',
  },
];

/** Two subscriptions that know nothing of each other. */
export const standardTenants: Tenant[] = [tenant(1, 'acme-dev'), tenant(2, 'globex-dev')];

function azure(model: string, kind: Model['kind'], versions: Model['versions']): Model {
  return { model, executableId: 'azure-openai', provider: 'OpenAI', kind, versions };
}

function version(
  name: string,
  contextLength: number,
  maxOutputTokens: number,
  ...[rates, rest]: [RateTier, Partial<Model['versions'][number]>?]
): Model['versions'][number] {
  return {
    name,
    isLatest: true,
    deprecated: false,
    contextLength,
    maxOutputTokens,
    rates: [rates],
    costShown: true,
    ...rest,
  };
}

function running(id: string, executableId: string, model: { name: string; version: string }): Deployment {
  return {
    id,
    resourceGroup: 'default',
    scenarioId: 'foundation-models',
    executableId,
    configurationName: model.name,
    status: 'RUNNING',
    model,
    detailsUnder: 'both',
  };
}

function orchestration(id: string, status: Deployment['status']): Deployment {
  return {
    id,
    resourceGroup: 'default',
    scenarioId: 'orchestration',
    executableId: 'orchestration',
    configurationName: 'orchestration-config',
    status,
    detailsUnder: 'both',
  };
}

function tenant(number: number, identityZone: string): Tenant {
  const guid = `00000000-0000-4000-8000-00000000000${number}`;
  return {
    clientId: `sb-${guid}!b100${number}|aicore!b540`,
    clientSecret: `emulator-secret-${number}$value=`,
    identityZone,
    identityZoneId: `00000000-0000-4000-8000-0000000000f${number}`,
    serviceInstanceId: `00000000-0000-4000-8000-0000000000e${number}`,
    resourceGroups: ['default', 'team-a'],
    deployments: standardDeployments,
    aiCorePlans: ['standard', 'extended'],
  };
}
