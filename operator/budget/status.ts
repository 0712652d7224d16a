import { formatAmount } from '../../accounting/amount.ts';
import type { NanoCu } from '../../accounting/amount.ts';
import type { ModelConfiguration } from '../../accounting/configuration-messages.ts';
import type { SapAiBudgetStatus } from '../../crds/budget.ts';
import type { Coverage } from '../coverage/count-pods.ts';
import { isAllowed } from '../configuration/price-models.ts';
import type { Condition } from '../kube/conditions.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';

/** What a status is made of; figures that could not be read this time stay as they were. */
export interface StatusParts {
  generation: number;
  previous: SapAiBudgetStatus;
  conditions: Condition[];
  ledger: LedgerSnapshot | undefined;
  models: readonly ModelConfiguration[] | undefined;
  /** Undefined: the budget does not name where to read usage, or it was never read. */
  subscription?: SapAiBudgetStatus['subscription'];
  allowedModels: readonly string[];
  /** Undefined: not known now. */
  coverage?: Coverage | undefined;
}

/** The whole status of a budget, to be applied as it is. */
export function budgetStatus(parts: StatusParts): SapAiBudgetStatus {
  const { generation, previous, conditions, ledger, models, subscription, allowedModels, coverage } = parts;
  const figures = ledger === undefined ? previousFigures(previous) : ledgerFigures(ledger);
  const counts = models === undefined ? previous.models : modelCounts(models, allowedModels);
  const pods = coverage === undefined ? previous.pods : podCounts(coverage);
  return {
    observedGeneration: generation,
    ...figures,
    ...(pods === undefined ? {} : { pods }),
    ...(counts === undefined ? {} : { models: counts }),
    ...(subscription === undefined ? {} : { subscription }),
    conditions,
  };
}

function ledgerFigures(ledger: LedgerSnapshot): SapAiBudgetStatus {
  const { cap, settled, outstanding, held, overrun, period } = ledger;
  return {
    period: { name: period.name, start: isoSeconds(period.startMs), end: isoSeconds(period.endMs) },
    limit: formatAmount(cap),
    spent: formatAmount(settled),
    reserved: formatAmount(outstanding),
    held: formatAmount(held),
    remaining: formatAmount(ledger.available),
    overrun: formatAmount(overrun),
    used: usedPercent(settled, cap),
    ledgerName: ledger.name,
    ledgerSeq: ledger.seq,
  };
}

function previousFigures(previous: SapAiBudgetStatus): SapAiBudgetStatus {
  const {
    models: _models,
    pods: _pods,
    subscription: _subscription,
    conditions: _conditions,
    observedGeneration: _generation,
    ...figures
  } = previous;
  return figures;
}

function podCounts({ selected, enforced }: Coverage): NonNullable<SapAiBudgetStatus['pods']> {
  return { selected, enforced, coverage: `${enforced}/${selected}` };
}

/** Rounded down: 100 % means that all of it is spent. A limit of 0 is used up from the start. */
function usedPercent(spent: NanoCu, cap: NanoCu): string {
  return cap === 0n ? '100%' : `${(spent * 100n) / cap}%`;
}

function modelCounts(
  models: readonly ModelConfiguration[],
  allowedModels: readonly string[],
): { available: number; priced: number } {
  const allowed = models.filter(({ model }) => isAllowed(model, allowedModels));
  return { available: allowed.length, priced: allowed.filter(({ rates }) => rates !== undefined).length };
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
