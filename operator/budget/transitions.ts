import type { Condition } from '../kube/conditions.ts';
import type { ObjectEvent } from './services.ts';

/** Conditions whose change is worth an event, with the status of a healthy budget. */
const told = new Map<string, Condition['status']>([
  ['Ready', 'True'],
  ['RateCardCurrent', 'True'],
  ['Enforcing', 'True'],
  ['UsageSynced', 'True'],
  ['Entitled', 'True'],
  ['Exhausted', 'False'],
  ['Overcommitted', 'False'],
]);

/**
 * What to tell people after the conditions changed. Ready speaks for those it is derived from; what has not been
 * observed yet, or was well from the start, is no news.
 */
export function transitionEvents(before: readonly Condition[], after: readonly Condition[]): ObjectEvent[] {
  const ready = after.find(({ type }) => type === 'Ready');
  return after.flatMap((condition) => {
    // Told already.
    if (condition !== ready && condition.reason === ready?.reason) return [];
    const healthy = told.get(condition.type);
    const former = before.find(({ type }) => type === condition.type);
    if (healthy === undefined || condition.status === 'Unknown' || !isNews(condition, former, healthy))
      return [];
    const type = condition.status === healthy ? 'Normal' : 'Warning';
    return [{ type, reason: condition.reason, action: 'Reconcile', note: condition.message }];
  });
}

function isNews(condition: Condition, former: Condition | undefined, healthy: Condition['status']): boolean {
  if (former?.status === condition.status && former.reason === condition.reason) return false;
  const wasUnwell = former !== undefined && former.status !== healthy && former.status !== 'Unknown';
  return condition.status !== healthy || wasUnwell || condition.type === 'Ready';
}
