import type { Condition, Observation } from '../kube/conditions.ts';
import type { Coverage } from './count-pods.ts';

/** Reason of Enforcing where a pod goes without a sidecar. */
export const sidecarMissing = 'SidecarMissing';

/**
 * Enforcing as it is with the pods looked at, too; any other condition, and one that is bad already, as it was. What is not known
 * now stays as it was said before.
 */
export function withCoverage(
  observation: Observation,
  { coverage, previous }: { coverage: Coverage | undefined; previous: readonly Condition[] },
): Observation {
  const { type, status } = observation;
  if (type !== 'Enforcing' || status !== 'True') return observation;
  const former = previous.find((condition) => condition.type === type && condition.reason === sidecarMissing);
  if (coverage === undefined) return former ?? observation;
  if (coverage.enforced === coverage.selected) return observation;
  return { type, status: 'False', reason: sidecarMissing, message: messageOf(coverage) };
}

function messageOf({ selected, enforced, missing }: Coverage): string {
  const such = missing.length < selected - enforced ? 'among them ' : '';
  return `${selected - enforced} of ${selected} running pods have no sidecar that works, ${such}${missing.join(', ')}: delete them, so that their controller makes new ones and the webhook puts a sidecar into these; of those that have one, see the log of the container sap-ai-budget.`;
}
