import { budgetKey } from '../configuration/budget-ref.ts';
import { allowedBudgets } from '../lease-service/allowed-budgets.ts';

/** How many of a budget's pods are guarded. */
export interface Coverage {
  /** Running pods that labels choose. */
  selected: number;
  /** Those of them whose sidecar works. */
  enforced: number;
  /** Names of some that have no such sidecar. */
  missing: string[];
}

/** A running pod, as far as it is looked at. */
export interface CountedPod {
  namespace: string;
  name: string;
  uid: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
}

/** Enough to begin with; the others are found by the same label. */
const maxNamed = 3;

/** The coverage of each budget that pods choose, by the budget's key. */
export function countPods(
  pods: Iterable<CountedPod>,
  {
    namespaceLabels,
    isEnforced,
  }: {
    /** Labels of a namespace as far as they choose budgets. */
    namespaceLabels: (namespace: string) => Readonly<Record<string, string>>;
    /** Whether the sidecar of the pod of that uid works. */
    isEnforced: (uid: string) => boolean;
  },
): Map<string, Coverage> {
  const counts = new Map<string, Coverage>();
  for (const pod of pods) {
    const choice = { ...pod, namespaceLabels: namespaceLabels(pod.namespace) };
    for (const budget of allowedBudgets(choice)) {
      const key = budgetKey(budget);
      const coverage = counts.get(key) ?? { selected: 0, enforced: 0, missing: [] };
      counts.set(key, coverage);
      count(coverage, pod.name, isEnforced(pod.uid));
    }
  }
  return counts;
}

function count(coverage: Coverage, name: string, isEnforced: boolean): void {
  coverage.selected += 1;
  if (isEnforced) coverage.enforced += 1;
  else if (coverage.missing.length < maxNamed) coverage.missing.push(name);
}
