import type { ModelConfiguration } from '../../accounting/configuration-messages.ts';
import type { SapAiBudget } from '../../crds/budget.ts';
import type { SapAiRateCardSpec } from '../../crds/rate-card.ts';
import type { Inventory } from '../sap/inventory.ts';
import type { ServiceKey } from '../sap/service-key.ts';
import type { BudgetMemory } from './memory.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import type { Relative } from './family.ts';
import type { BudgetServices } from './services.ts';
import type { Offer, Standing } from './standings.ts';

/** The conditions that steps decide about. */
export const stepConditions = [
  'ParentReady',
  'CredentialsValid',
  'AiCoreReachable',
  'GenAiHubAvailable',
  'RateCardCurrent',
  'Enforcing',
] as const;
export type StepCondition = (typeof stepConditions)[number];

/** Those of a budget below another one; a root has the others. */
const childConditions: readonly StepCondition[] = ['ParentReady', 'Enforcing'];

/** The conditions that the steps of this budget decide about, in the order of importance. */
export function conditionsOf({
  parentRef,
}: Pick<SapAiBudget['spec'], 'parentRef'>): readonly StepCondition[] {
  if (parentRef !== undefined) return childConditions;
  return stepConditions.filter((condition) => condition !== 'ParentReady');
}

/**
 * How a step ended; only `done` makes its condition True. `degraded`: it failed, but what is known is good enough to go
 * on with. `waiting`: tried again after a time. `stalled`: only a change of something that is watched will help.
 */
export type StepOutcome =
  | { state: 'done'; message: string; againAfterMs?: number }
  | { state: 'degraded' | 'waiting'; reason: string; message: string; afterMs: number }
  | { state: 'stalled'; reason: string; message: string };

/** One step of a reconcile. */
export interface Step {
  condition: StepCondition;
  run: (context: BudgetContext) => Promise<StepOutcome>;
}

/** What the steps of one reconcile find, each building on those before it. */
export interface Findings {
  serviceKey?: ServiceKey;
  inventory?: Inventory;
  card?: { name: string; generation: number; spec: SapAiRateCardSpec };
  models?: ModelConfiguration[];
  ledger?: LedgerSnapshot;
  /** Of a budget below another one. */
  parent?: { budget: Relative; root: Relative; standing: Standing & { ledger: LedgerSnapshot } };
  /** What a budget below another one took over. */
  offer?: Offer;
}

/** One reconcile of one budget. */
export interface BudgetContext {
  readonly budget: SapAiBudget;
  readonly services: BudgetServices;
  /** The term in which this replica led when the reconcile began: what it read since is what a leader may go by. */
  readonly term: number | undefined;
  /** Outlives the reconcile. */
  readonly memory: BudgetMemory;
  readonly found: Findings;
  readonly signal: AbortSignal;
}

/** Whether this replica leads, and has done so since it read what the reconcile goes by. */
export function isLeading({ services: { leadership }, term }: BudgetContext): boolean {
  return leadership.leads() && leadership.term === term;
}

/** A step that only a change can help. */
export function stalled(reason: string, message: string): StepOutcome {
  return { state: 'stalled', reason, message };
}
