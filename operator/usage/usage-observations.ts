import type { SapAiBudgetSpec } from '../../crds/budget.ts';
import type { Observation } from '../kube/conditions.ts';
import type { UsageReport } from './usage-board.ts';

/**
 * Conditions about what a budget says of usage and entitlement: none for what it leaves out. What this process has not
 * looked at yet stays as it was.
 */
export function usageObservations(
  spec: Pick<SapAiBudgetSpec, 'usage' | 'serviceManager'>,
  { synced, entitled }: UsageReport,
  previous: readonly Observation[],
): Observation[] {
  const wanted = [
    { type: 'UsageSynced', configured: spec.usage !== undefined, seen: synced },
    { type: 'Entitled', configured: spec.serviceManager !== undefined, seen: entitled },
  ];
  return wanted
    .filter(({ configured }) => configured)
    .map(({ type, seen }) => seen ?? previous.find((one) => one.type === type) ?? unobserved(type));
}

function unobserved(type: string): Observation {
  return { type, status: 'Unknown', reason: 'NotObserved', message: 'Not looked at yet.' };
}
