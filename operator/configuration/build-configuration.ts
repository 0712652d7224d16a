import type { ModelConfiguration, ReadyBudget } from '../../accounting/configuration-messages.ts';
import type { UnifiedMetering } from '../../accounting/unified-metering.ts';
import type { SapAiBudgetSpec } from '../../crds/budget.ts';
import type { SapAiRateCardSpec } from '../../crds/rate-card.ts';
import type { InventoryDeployment } from '../sap/inventory.ts';
import type { BudgetRef } from './budget-ref.ts';
import { canonicalJson, digestOf } from './canonical-json.ts';

/** Most deployments a sidecar is told of; running ones come first. */
const maxDeployments = 1000;

/** All that a usable budget's configuration is made of. */
export interface ConfigurationParts {
  budget: BudgetRef;
  spec: Pick<SapAiBudgetSpec, 'outputTokens' | 'unifiedMetering'>;
  resourceGroups: readonly string[];
  /** Patterns by which `models` were chosen. */
  allowedModels: readonly string[];
  ledger: ReadyBudget['ledger'];
  apiUrl: string;
  deployments: readonly InventoryDeployment[];
  models: ModelConfiguration[];
  card: { name: string; generation: number; spec: SapAiRateCardSpec };
}

/** What the sidecars of a usable budget are told. */
export function buildConfiguration(parts: ConfigurationParts): ReadyBudget {
  const { budget, spec, ledger, apiUrl, deployments, models, card, resourceGroups, allowedModels } = parts;
  const { minimum, maximum } = spec.outputTokens;
  return {
    state: 'ready',
    namespace: budget.namespace,
    budget: budget.name,
    ledger,
    apiUrl,
    resourceGroups: [...resourceGroups],
    deployments: [...deployments].toSorted(runningFirst).slice(0, maxDeployments).map(deploymentOf),
    models,
    factors: card.spec.factors
      .map(({ from, capacityUnitsPerGenAiToken }) => ({ from, factor: capacityUnitsPerGenAiToken }))
      .toSorted((a, b) => (a.from < b.from ? -1 : 1)),
    priceVersion: priceVersion(card, models),
    allowedModels: [...allowedModels],
    ...(spec.unifiedMetering === undefined ? {} : { unifiedMetering: meteringOf(spec.unifiedMetering) }),
    outputTokens: { minimum, ...(maximum === undefined ? {} : { maximum }) },
  };
}

/** Without members that are not set: the message knows no undefined ones. */
function meteringOf({
  localTenantId,
  ...rest
}: NonNullable<SapAiBudgetSpec['unifiedMetering']>): UnifiedMetering {
  return localTenantId === undefined ? rest : { ...rest, localTenantId };
}

/** Rate card, its generation, and a hash over the rates that came of it: `default@3/0c1f9a2e`. */
function priceVersion(card: ConfigurationParts['card'], models: readonly ModelConfiguration[]): string {
  const rates = models.map(({ model, version, executableId, rates: tiers }) =>
    canonicalJson([model, version, executableId, tiers ?? null]),
  );
  return `${card.name.slice(0, 100)}@${card.generation}/${digestOf(rates.toSorted()).slice(0, 8)}`;
}

function deploymentOf(deployment: InventoryDeployment): ReadyBudget['deployments'][number] {
  const { raw, ...known } = deployment;
  return { ...known, deployment: raw };
}

/** Always the same order, so that sidecars are only told what is new. */
function runningFirst(a: InventoryDeployment, b: InventoryDeployment): number {
  const byStatus = Number(b.status === 'RUNNING') - Number(a.status === 'RUNNING');
  return byStatus || compareText(a.resourceGroup, b.resourceGroup) || compareText(a.id, b.id);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
