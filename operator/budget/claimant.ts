import type { SapAiBudget } from '../../crds/budget.ts';
import type { Claimant } from './subscriptions.ts';

/** A budget as far as it matters for who may use a subscription. */
export function claimantOf({ metadata }: Pick<SapAiBudget, 'metadata'>): Claimant {
  return {
    key: `${metadata.namespace}/${metadata.name}`,
    uid: metadata.uid ?? '',
    createdAt: metadata.creationTimestamp ?? '',
  };
}
