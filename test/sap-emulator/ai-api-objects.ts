import { createHash } from 'node:crypto';
import type { Deployment, Model, ModelVersion, RateTier, Tenant } from './config.ts';
import type { Caller, Exchange } from './exchange.ts';

const createdAt = '2026-06-08T14:56:25Z';
const modifiedAt = '2026-06-08T15:10:18Z';
const completionTime = '2026-06-08T15:27:23Z';

/** A configuration as the AI API shows it. */
export interface ShownConfiguration {
  id: string;
  name: string;
  scenarioId: string;
  executableId: string;
  parameterBindings: { key: string; value: string }[];
  inputArtifactBindings: [];
  createdAt: string;
}

/** A resource group as the AI API shows it. */
export function showResourceGroup(tenant: Tenant, resourceGroupId: string): Record<string, unknown> {
  return {
    resourceGroupId,
    tenantId: tenant.identityZoneId,
    zoneId: tenant.identityZoneId,
    createdAt: '2026-01-05T08:00:00Z',
    labels: [],
    status: 'PROVISIONED',
    statusMessage: 'All onboarding steps are completed.',
    servicePlan: 'extended',
  };
}

/** A scenario as the AI API shows it. */
export function showScenario(id: string): Record<string, unknown> {
  return {
    id,
    name: id,
    description: `AI Core Global Scenario ${id}`,
    labels: [{ key: 'scenarios.ai.sap.com/llm', value: 'true' }],
    createdAt: '2024-02-08T14:42:07Z',
    modifiedAt: '2026-06-27T10:31:15Z',
  };
}

/** The configurations behind the deployments of a resource group, each once. */
export function configurationsOf({ tenant, resourceGroup }: Caller): ShownConfiguration[] {
  const shown = new Map<string, ShownConfiguration>();
  for (const deployment of tenant.deployments) {
    if (deployment.resourceGroup === resourceGroup) {
      const id = configurationId(deployment);
      shown.set(id, {
        id,
        name: deployment.configurationName,
        scenarioId: deployment.scenarioId,
        executableId: deployment.executableId,
        parameterBindings: bindingsOf(deployment),
        inputArtifactBindings: [],
        createdAt,
      });
    }
  }
  return [...shown.values()];
}

/** A deployment as the AI API shows it; as in recordings without `executableId`. */
export function showDeployment({ world }: Exchange, deployment: Deployment): Record<string, unknown> {
  const stopped = deployment.status === 'STOPPED';
  const configuration = configurationId(deployment);
  return {
    id: deployment.id,
    createdAt,
    modifiedAt,
    status: deployment.status,
    details: detailsOf(deployment),
    scenarioId: deployment.scenarioId,
    configurationId: configuration,
    ...(stopped
      ? { completionTime }
      : { latestRunningConfigurationId: configuration, lastOperation: 'CREATE' }),
    targetStatus: stopped ? 'STOPPED' : 'RUNNING',
    submissionTime: '2026-06-08T15:03:35Z',
    startTime: '2026-06-08T15:05:27Z',
    configurationName: deployment.configurationName,
    // A stopped deployment keeps its address, as SAP's do.
    deploymentUrl: `${world.origin()}/v2/inference/deployments/${deployment.id}`,
  };
}

/** A model with its versions and their rates as the AI API shows it. */
export function showModel(model: Model): Record<string, unknown> {
  return {
    model: model.model,
    executableId: model.executableId,
    description: `${model.provider} ${model.model}`,
    displayName: model.model,
    accessType: 'Remote',
    provider: model.provider,
    allowedScenarios: [
      { scenarioId: 'foundation-models', executableId: model.executableId },
      { scenarioId: 'orchestration', executableId: 'orchestration' },
    ],
    versions: model.versions.map((version) => showVersion(model, version)),
  };
}

function showVersion({ kind }: Model, version: ModelVersion): Record<string, unknown> {
  const capabilities = {
    chat: ['text-generation'],
    reasoning: ['text-generation', 'reasoning'],
    embedding: ['embeddings'],
  };
  return {
    name: version.name,
    isLatest: version.isLatest,
    deprecated: version.deprecated,
    retirementDate: '',
    contextLength: version.contextLength,
    inputTypes: ['text'],
    capabilities: capabilities[kind],
    metadata: [],
    ...(version.costShown ? { cost: showCost(version.rates) } : {}),
    suggestedReplacements: [],
    streamingSupported: kind !== 'embedding',
    orchestrationCapabilities: ['streaming'],
  };
}

function showCost(rates: readonly RateTier[]): Record<string, string>[] {
  const [only, ...more] = rates;
  if (only !== undefined && more.length === 0) {
    return [{ inputCost: only.input }, { outputCost: only.output }];
  }
  const tiers = rates.map((rate, index) => ({
    rate,
    label: { tier: String(index + 1), tierDescription: describeTier(rate, rates[index - 1]) },
  }));
  return [
    ...tiers.map(({ rate, label }) => ({ inputCost: rate.input, ...label })),
    ...tiers.map(({ rate, label }) => ({ outputCost: rate.output, ...label })),
  ];
}

function describeTier(rate: RateTier, before: RateTier | undefined): string {
  if (rate.upToInputTokens !== undefined) {
    return `Less than or equals to ${thousands(rate.upToInputTokens)} tokens per request`;
  }
  return `Greater than ${thousands(before?.upToInputTokens ?? 0)} tokens per request`;
}

function thousands(tokens: number): string {
  return tokens % 1000 === 0 ? `${tokens / 1000}k` : String(tokens);
}

function detailsOf({ model, detailsUnder }: Deployment): Record<string, unknown> {
  const backend = model === undefined ? {} : { model };
  const resources =
    detailsUnder === 'both'
      ? { backendDetails: backend, backend_details: backend }
      : { [detailsUnder]: backend };
  return { scaling: { backendDetails: {}, backend_details: {} }, resources };
}

function bindingsOf({ model }: Deployment): { key: string; value: string }[] {
  if (model === undefined) {
    return [
      { key: 'modelFilterList', value: 'null' },
      { key: 'modelFilterListType', value: 'allow' },
    ];
  }
  return [
    { key: 'modelName', value: model.name },
    { key: 'modelVersion', value: model.version },
  ];
}

/** An id in the form of a UUID that depends on nothing but what is configured. */
function configurationId({ configurationName, scenarioId, executableId, model }: Deployment): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([configurationName, scenarioId, executableId, model]))
    .digest('hex');
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}
