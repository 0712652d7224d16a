import type { Admission } from './admission.ts';
import type { Catalogue, PricedModel } from './catalogue.ts';
import type { RequestOutcome } from './metrics.ts';

/** What labels are made from, all of it from the configuration. */
type Labelled = Pick<Admission, 'catalogue' | 'target' | 'demand' | 'family'>;

/** Labels of a request to one model. Made once for each model. */
export type RequestLabels = ReturnType<typeof makeLabels>;

/** Models belong to the catalogue of one budget, and go with it. */
const byModel = new WeakMap<PricedModel, Map<string, RequestLabels>>();

/** Labels of a request; `model`: which answered, or the first that is to be tried. */
export function requestLabels(
  admission: Labelled,
  model: PricedModel = admission.demand.models[0],
): RequestLabels {
  const known = kept(byModel, model);
  const key = `${admission.family.path} ${admission.target.resourceGroup}`;
  const labels = known.get(key) ?? makeLabels(admission, model);
  known.set(key, labels);
  return labels;
}

function makeLabels({ catalogue, target, family }: Labelled, { model }: PricedModel) {
  const perModel = {
    budget: catalogue.budget.budget,
    budget_namespace: catalogue.budget.namespace,
    model,
    resource_group: target.resourceGroup,
  };
  const operation = {
    ...perModel,
    gen_ai_operation_name: family.path.endsWith('embeddings') ? 'embeddings' : 'chat',
    gen_ai_provider_name: 'sap.ai_core',
    gen_ai_request_model: model,
  };
  return {
    perModel: Object.freeze(perModel),
    /** As OpenTelemetry's conventions for generative AI have them, beside our own. */
    operation: Object.freeze(operation),
    input: Object.freeze({ ...operation, gen_ai_token_type: 'input' }),
    output: Object.freeze({ ...operation, gen_ai_token_type: 'output' }),
    spent: Object.freeze({ ...perModel, component: 'tokens' }),
    good: Object.freeze({ ...operation, error_type: '' }),
  };
}

type OutcomeLabels = ReturnType<typeof makeOutcome>;
const byCatalogue = new WeakMap<Catalogue, Map<string, OutcomeLabels>>();

/** Labels of how a request ended. */
export function outcomeLabels(catalogue: Catalogue, outcome: RequestOutcome, status: number): OutcomeLabels {
  const known = kept(byCatalogue, catalogue);
  const key = `${outcome} ${status}`;
  const labels = known.get(key) ?? makeOutcome(catalogue, outcome, status);
  known.set(key, labels);
  return labels;
}

function makeOutcome({ budget: { budget, namespace } }: Catalogue, outcome: RequestOutcome, status: number) {
  const codeClass = `${Math.floor(status / 100)}xx`;
  return Object.freeze({ budget, budget_namespace: namespace, outcome, code_class: codeClass });
}

function kept<K extends object, V>(all: WeakMap<K, Map<string, V>>, key: K): Map<string, V> {
  const known = all.get(key) ?? new Map<string, V>();
  all.set(key, known);
  return known;
}
