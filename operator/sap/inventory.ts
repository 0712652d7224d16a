import type { AiApi } from './ai-api.ts';
import {
  configuration,
  deployment,
  foundationModel,
  readable,
  resourceGroupState,
  scenario,
} from './ai-core-objects.ts';
import type { Configuration, Deployment, FoundationModel } from './ai-core-objects.ts';
import { isRecord } from '../kube/resource.ts';
import { SapError } from './sap-error.ts';

/** Where SAP lists the models of the generative AI hub, with their rates. */
const hubScenario = 'foundation-models';

/** A deployment with what its own members, or its configuration's, say of the model behind it. */
export interface InventoryDeployment {
  resourceGroup: string;
  id: string;
  scenarioId: string;
  executableId: string;
  status: string;
  model?: string;
  /** May be `latest`. */
  version?: string;
  /** AI Core's own object with every member. */
  raw: Record<string, unknown>;
}

/** What AI Core has for a budget: all of it read at about the same time. */
export interface Inventory {
  /** Whether the generative AI hub is there: it is not in every plan. */
  hubAvailable: boolean;
  deployments: InventoryDeployment[];
  models: FoundationModel[];
}

/**
 * Reads resource groups, scenarios, deployments and models.
 *
 * @throws SapError; `ResourceGroupNotFound` when one of the groups is not there or not usable
 */
export async function readInventory(
  api: AiApi,
  { resourceGroups, signal }: { resourceGroups: readonly string[]; signal: AbortSignal },
): Promise<Inventory> {
  await checkResourceGroups(api, resourceGroups, signal);
  const [first = 'default'] = resourceGroups;
  const scenarios = readable(await api.list('/lm/scenarios', { resourceGroup: first, signal }), scenario);
  const hubAvailable = scenarios.some(({ id }) => id === hubScenario);
  const models = hubAvailable
    ? await api.list(`/lm/scenarios/${hubScenario}/models`, { resourceGroup: first, signal })
    : [];
  const deployments: InventoryDeployment[] = [];
  // One group after the other: there are at most fifty, and SAP limits requests a minute.
  for (const group of resourceGroups) deployments.push(...(await readDeployments(api, group, signal)));
  return { hubAvailable, models: readable(models, foundationModel), deployments };
}

async function checkResourceGroups(
  api: AiApi,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const groups = readable(await api.list('/admin/resourceGroups', { signal }), resourceGroupState);
  const usable = groups.filter(({ status }) => status === undefined || status === 'PROVISIONED');
  const missing = wanted.filter((id) => !usable.some((group) => group.resourceGroupId === id));
  if (missing.length === 0) return;
  const there = usable.slice(0, 10).map((group) => group.resourceGroupId);
  throw new SapError(
    'ResourceGroupNotFound',
    `AI Core has no resource group ${missing.join(', ')} that is provisioned (there are: ${there.join(', ') || 'none'}): create it, or take it out of spec.aiCore.resourceGroups`,
  );
}

async function readDeployments(
  api: AiApi,
  resourceGroup: string,
  signal: AbortSignal,
): Promise<InventoryDeployment[]> {
  const list = await api.list('/lm/deployments', { resourceGroup, signal });
  const found = list.flatMap((raw) => {
    const parsed = deployment.safeParse(raw);
    return parsed.success && isRecord(raw) ? [{ raw, parsed: parsed.data }] : [];
  });
  const configurations = found.some(({ parsed }) => needsConfiguration(parsed))
    ? readable(await api.list('/lm/configurations', { resourceGroup, signal }), configuration)
    : [];
  const byId = new Map(configurations.map((one) => [one.id, one]));
  return found.map(({ raw, parsed }) => ({
    resourceGroup,
    raw,
    ...describe(parsed, byId.get(parsed.configurationId ?? '')),
  }));
}

/** SAP's lists often leave out who runs a deployment; its configuration knows. */
function needsConfiguration(one: Deployment): boolean {
  if (one.status !== 'RUNNING' || one.scenarioId !== hubScenario) return false;
  return modelIn(one) === undefined || !one.executableId;
}

function modelIn({ details }: Deployment): { name: string; version?: string | undefined } | undefined {
  const resources = details?.resources;
  return resources?.backendDetails?.model ?? resources?.backend_details?.model;
}

function describe(
  one: Deployment,
  from: Configuration | undefined,
): Omit<InventoryDeployment, 'raw' | 'resourceGroup'> {
  return {
    id: one.id,
    scenarioId: one.scenarioId ?? '',
    executableId: one.executableId ?? from?.executableId ?? '',
    status: one.status,
    ...modelOf(one, from),
  };
}

function modelOf(
  one: Deployment,
  from: Configuration | undefined,
): Pick<InventoryDeployment, 'model' | 'version'> {
  const own = modelIn(one);
  const model = own?.name ?? binding(from, 'modelName')?.slice(0, 128);
  const version = own?.version ?? binding(from, 'modelVersion')?.slice(0, 64);
  return { ...(model ? { model } : {}), ...(version ? { version } : {}) };
}

function binding(from: Configuration | undefined, key: string): string | undefined {
  return from?.parameterBindings?.find((one) => one.key === key)?.value;
}
