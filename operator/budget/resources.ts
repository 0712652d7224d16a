import { group, version } from '../../crds/custom-resource.ts';
import type { Resource } from '../kube/resource.ts';

export const budgets: Resource = {
  group,
  version,
  plural: 'sapaibudgets',
  kind: 'SapAiBudget',
  namespaced: true,
};
export const rateCards: Resource = {
  group,
  version,
  plural: 'sapairatecards',
  kind: 'SapAiRateCard',
  namespaced: false,
};
