import type { SapAiBudgetStatus } from '../../crds/budget.ts';
import type { BudgetContext } from './step.ts';

/** The status as it was written last: the cache may be a moment behind, but has what another leader wrote meanwhile. */
export function lastStatus({ budget, services, memory }: BudgetContext): SapAiBudgetStatus {
  const { written } = memory;
  const isLast = written?.uid === budget.metadata.uid && written?.term === services.leadership.term;
  return (isLast ? written?.status : budget.status) ?? {};
}
