import { formatAmount } from '../../accounting/amount.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import { deriveReady, setCondition } from '../kube/conditions.ts';
import type { Condition, Observation, Observed } from '../kube/conditions.ts';
import type { StepResults } from './run-steps.ts';
import { guaranteeNotCovered } from './guarantee.ts';
import { conditionsOf } from './step.ts';
import type { StepCondition } from './step.ts';
import type { Coverage } from '../coverage/count-pods.ts';
import { sidecarMissing, withCoverage } from '../coverage/enforcing.ts';
import { shadowReason } from './steps/open-ledger.ts';
import { modelsWithoutRate } from './steps/price-models.ts';

/** What the conditions of a budget follow from. */
export interface Observations {
  results: StepResults;
  ledger: LedgerSnapshot | undefined;
  /** Of usage and entitlement, as far as the budget names where to look. */
  usage?: readonly Observation[];
  /** Undefined: not known now. */
  coverage?: Coverage | undefined;
  /** What the steps of this budget decide about; those of a root where it is not said. */
  types?: readonly StepCondition[];
  /** Whether its cap covers what it promises to budgets below it. */
  coversPromises?: boolean;
}

/** All conditions of a budget; transition times of those that have not changed are kept. */
export function budgetConditions(
  previous: readonly Condition[],
  { results, ledger, usage = [], coverage, types = conditionsOf({}), coversPromises = true }: Observations,
  observed: Observed,
): Condition[] {
  const observations = [
    ...types
      .map((condition) => observationOf(condition, results))
      .map((observation) => withCoverage(observation, { coverage, previous })),
    exhausted(ledger),
    overcommitted(ledger, coversPromises),
    ...usage,
  ];
  const known = previous.filter(({ type }) => type === 'Ready' || observations.some((o) => o.type === type));
  const conditions = observations.reduce<Condition[]>(
    (list, observation) => setCondition(list, observation, observed),
    known,
  );
  const ready = deriveReady(conditions, {
    dependsOn: dependents(types, conditions),
    readyMessage: 'Pods can spend from this budget.',
  });
  return setCondition(conditions, ready, observed);
}

/** Models without a rate are refused one by one, pods without sidecar are others, and Shadow is wanted: the budget can be used. */
const harmless: ReadonlySet<string> = new Set([modelsWithoutRate, sidecarMissing, shadowReason]);

function dependents(types: readonly StepCondition[], conditions: readonly Condition[]): string[] {
  const isHarmless = (of: string): boolean =>
    conditions.some(({ type, reason }) => type === of && harmless.has(reason));
  return types.filter((type) => !isHarmless(type));
}

function observationOf(type: StepCondition, { outcomes, blocked }: StepResults): Observation {
  const outcome = outcomes.get(type);
  if (outcome === undefined) {
    const message = `Waits for ${blocked.get(type) ?? 'the operator'}.`;
    return { type, status: 'Unknown', reason: 'NotObserved', message };
  }
  const { message } = outcome;
  if (outcome.state === 'done') return { type, status: 'True', reason: type, message };
  return { type, status: 'False', reason: outcome.reason, message };
}

// Messages hold no figures that move with every request: those are in the status, and a changed message is a change.
function exhausted(ledger: LedgerSnapshot | undefined): Observation {
  const type = 'Exhausted';
  if (!ledger) return notObserved(type);
  if (ledger.available > 0n && ledger.parentLeft === 0n) {
    const message =
      'Nothing is left to lease of the budget above, though the limit of this one would allow more: see the conditions of that one.';
    return { type, status: 'True', reason: 'ParentExhausted', message };
  }
  if (ledger.available > 0n) {
    return { type, status: 'False', reason: 'CapacityLeft', message: 'Capacity is left to lease.' };
  }
  return {
    type,
    status: 'True',
    reason: 'BudgetExhausted',
    message: `Nothing of ${formatAmount(ledger.cap)} CU is left to lease until ${isoSeconds(ledger.period.endMs)}. Raise spec.monthlyLimit if more may be spent.`,
  };
}

function overcommitted(ledger: LedgerSnapshot | undefined, coversPromises: boolean): Observation {
  const type = 'Overcommitted';
  if (!ledger) return notObserved(type);
  if (ledger.available >= 0n && !coversPromises) {
    const message =
      'The guarantees of the budgets below are more than the limit together: they are covered in proportion. Lower some of them, or raise spec.monthlyLimit.';
    return { type, status: 'True', reason: guaranteeNotCovered, message };
  }
  if (ledger.available >= 0n) {
    const message = 'Spent, reserved and held together are within the cap.';
    return { type, status: 'False', reason: 'WithinCap', message };
  }
  if (ledger.enforcement === 'Shadow')
    return {
      type,
      status: 'True',
      reason: shadowReason,
      message: `More than the cap of ${formatAmount(ledger.cap)} CU is spent, reserved and held. Nothing is refused for it, because spec.enforcement is Shadow.`,
    };
  const cause =
    ledger.overrun > 0n
      ? 'requests cost more than their bounds'
      : 'the limit was lowered, or a raise of it has ended';
  return {
    type,
    status: 'True',
    reason: 'Overcommitted',
    message: `More than the cap of ${formatAmount(ledger.cap)} CU is spent, reserved and held, because ${cause}. Nothing is granted until that changes, and pods give back what they do not use: status.reserved says what they still have.`,
  };
}

function notObserved(type: string): Observation {
  return { type, status: 'Unknown', reason: 'NotObserved', message: 'Waits for Enforcing.' };
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
