import type { Catalogue, ModelLookup, PricedModel } from '../catalogue.ts';
import { ProxyError } from '../proxy-error.ts';

/**
 * The model that was looked up, with its rates.
 *
 * @throws ProxyError saying why it has none and what to do
 */
export function requireModel({ budget }: Catalogue, lookup: ModelLookup): PricedModel {
  if (lookup.kind === 'priced') return lookup.model;
  const name = lookup.model.slice(0, maxNameLength);
  const explain = {
    unknown: {
      reason: 'model_unknown',
      message: `model ${name} is not in SAP's list of models, so it has no price`,
    },
    unpriced: {
      reason: 'model_unpriced',
      message: `nobody knows a rate for model ${name}: add it to the budget's SapAiRateCard`,
    },
    not_allowed: {
      reason: 'model_not_allowed',
      message: `budget ${budget.namespace}/${budget.budget} does not allow model ${name}: add it to spec.allowedModels`,
    },
  } as const;
  const { reason, message } = explain[lookup.kind];
  throw new ProxyError(reason, message);
}

/** Names may come from a request. */
const maxNameLength = 128;
