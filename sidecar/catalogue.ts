import { matchesGlob } from '../accounting/glob.ts';
import type {
  DeploymentConfiguration,
  ModelConfiguration,
  RateTier,
  ReadyBudget,
} from '../accounting/configuration-messages.ts';

/** A model as a deployment serves it, with what it is priced by. */
export interface PricedModel {
  readonly model: string;
  readonly version: string;
  readonly rates: readonly RateTier[];
  /** Rates of every version that may answer: one, or all live ones when the deployment says `latest`. */
  readonly possibleRates: readonly (readonly RateTier[])[];
  /** Most tokens of input and output together; undefined when not stated. */
  readonly contextLength?: number | undefined;
}

/** What became of looking a deployment's model up. */
export type ModelLookup =
  | { kind: 'priced'; model: PricedModel }
  | { kind: 'unknown' | 'unpriced' | 'not_allowed'; model: string };

/** One budget's configuration with its deployments and models ready to be looked up. */
export class Catalogue {
  readonly budget: ReadyBudget;
  readonly #deployments = new Map<string, DeploymentConfiguration>();
  readonly #models = new Map<string, ModelConfiguration[]>();
  readonly #modelsByName = new Map<string, ModelConfiguration[]>();
  readonly #lookups = new Map<string, ModelLookup>();
  #api: URL | undefined;

  constructor(budget: ReadyBudget) {
    this.budget = budget;
    for (const deployment of budget.deployments)
      this.#deployments.set(key(deployment.resourceGroup, deployment.id), deployment);
    for (const model of budget.models) {
      const name = key(model.executableId, model.model);
      this.#models.set(name, [...(this.#models.get(name) ?? []), model]);
      this.#modelsByName.set(model.model, [...(this.#modelsByName.get(model.model) ?? []), model]);
    }
  }

  /** Where AI Core is: parsed once, for every request needs it. */
  get api(): URL {
    return (this.#api ??= new URL(this.budget.apiUrl));
  }

  deployment(resourceGroup: string, id: string): DeploymentConfiguration | undefined {
    return this.#deployments.get(key(resourceGroup, id));
  }

  /** The model behind a deployment; each is looked up once. */
  model(deployment: DeploymentConfiguration): ModelLookup {
    const name = key(deployment.resourceGroup, deployment.id);
    const known = this.#lookups.get(name);
    if (known !== undefined) return known;
    const lookup = this.#lookUp(deployment);
    this.#lookups.set(name, lookup);
    return lookup;
  }

  #lookUp({ executableId, model = '', version }: DeploymentConfiguration): ModelLookup {
    return this.#lookUpAmong(this.#models.get(key(executableId, model)) ?? [], { model, version });
  }

  /** A model by its name in SAP's catalogue, whatever executes it; `version` may be `latest`. */
  modelByName(model: string, version: string): ModelLookup {
    return this.#lookUpAmong(this.#modelsByName.get(model) ?? [], { model, version });
  }

  #lookUpAmong(
    versions: readonly ModelConfiguration[],
    { model, version }: { model: string; version: string | undefined },
  ): ModelLookup {
    const latest = version === undefined || version === 'latest';
    const served = versions.find((entry) => (latest ? entry.isLatest : entry.version === version));
    if (served === undefined) return { kind: 'unknown', model };
    const { allowedModels } = this.budget;
    if (allowedModels.length > 0 && !allowedModels.some((pattern) => matchesGlob(pattern, model)))
      return { kind: 'not_allowed', model };
    if (served.rates === undefined) return { kind: 'unpriced', model };
    const possible = latest ? versions.flatMap(({ rates }) => (rates ? [rates] : [])) : [served.rates];
    return {
      kind: 'priced',
      model: pricedModel(served, served.rates, possible, latest ? versions : [served]),
    };
  }
}

function pricedModel(
  served: ModelConfiguration,
  rates: readonly RateTier[],
  possibleRates: readonly (readonly RateTier[])[],
  candidates: readonly ModelConfiguration[],
): PricedModel {
  const { model, version } = served;
  return { model, version, rates, possibleRates, contextLength: longestContext(candidates) };
}

/** Undefined as soon as one of the versions that may answer has no stated length. */
function longestContext(candidates: readonly ModelConfiguration[]): number | undefined {
  const lengths = candidates.map(({ contextLength }) => contextLength);
  if (lengths.includes(undefined)) return undefined;
  return Math.max(...lengths.map((length) => length ?? 0));
}

function key(group: string, id: string): string {
  return `${group}/${id}`;
}
