import type { SapAiBudget } from '../../crds/budget.ts';
import type { SapAiRateCard } from '../../crds/rate-card.ts';
import { budgetKey } from '../configuration/budget-ref.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { Configurations } from '../configuration/configurations.ts';
import type { Clock } from '../kube/clock.ts';
import { runController } from '../kube/controller.ts';
import type { ReconcileReport } from '../kube/controller.ts';
import type { Informer } from '../kube/informer.ts';
import { WorkQueue } from '../kube/queue.ts';
import type { KubeObject } from '../kube/resource.ts';
import { keyOf } from '../kube/store.ts';
import type { Change } from '../kube/store.ts';
import { childKeysOf, parentKeyOf } from './family.ts';
import { BudgetMemories } from './memory.ts';
import { reconcileBudget } from './reconcile.ts';
import type { BudgetServices } from './services.ts';

export type StoredBudget = SapAiBudget & KubeObject;
export type StoredRateCard = SapAiRateCard & KubeObject;

/** Figures of a ledger change with every report of every holder; a status is a summary. */
const gatherMs = 1_000;
/** As the queue's own, but no longer: SAP and API server come back without telling us. */
const backOff = { baseMs: 500, maxMs: 30_000 };

/**
 * The queue of budgets to look at, made before the parts that put keys into it. `add` at once, `addSoon` for changes
 * that come in crowds.
 */
export class BudgetQueue {
  readonly queue: WorkQueue;

  constructor({ clock }: { clock: Clock }) {
    this.queue = new WorkQueue({ clock, backOff });
  }
  add(key: string): void {
    this.queue.add(key);
  }
  addSoon(budget: BudgetRef): void {
    this.queue.addAfter(budgetKey(budget), gatherMs);
  }
}

/** What a budget controller watches, and what its reconciles work with. */
export interface BudgetControllerOptions {
  budgets: Informer<StoredBudget>;
  rateCards: Informer<StoredRateCard>;
  namespaces: Informer<KubeObject>;
  queue: BudgetQueue;
  services: BudgetServices;
  /** The machine's clock, for time limits. */
  clock: Clock;
  workers?: number;
  onReconcile: (report: ReconcileReport) => void;
  signal: AbortSignal;
}

/** Reconciles budgets until the signal fires; resolves when the last one has ended. Caches should be synced. */
export async function runBudgetController(options: BudgetControllerOptions): Promise<void> {
  const {
    budgets,
    rateCards,
    namespaces,
    queue,
    services,
    clock,
    workers = 4,
    onReconcile,
    signal,
  } = options;
  const memories = new BudgetMemories();
  const stops = [
    budgets.onChange((change) => {
      announce(services.configurations, change.object);
      if (isWorthALook(change)) addWithRelatives(change.object, { queue, services });
    }),
    namespaces.onChange(({ object }) => {
      // Its labels may be what a parent asks for.
      for (const budget of budgets.list())
        if (budget.metadata.namespace === object.metadata.name && budget.spec.parentRef)
          addWithRelatives(budget, { queue, services });
    }),
    rateCards.onChange((change) => {
      if (!isWorthALook(change)) return;
      for (const budget of budgets.list()) queue.add(keyOf(budget));
    }),
  ];
  try {
    await runController({
      queue: queue.queue,
      clock,
      signal,
      workers,
      onReconcile,
      reconcile: (key, limit) => reconcileBudget(key, { services, memories, signal: limit }),
    });
  } finally {
    for (const stop of stops) stop();
  }
}

/** Our own status writes come back as changes, too. */
function isWorthALook(change: Change<KubeObject>): boolean {
  if (change.type !== 'updated') return true;
  const { generation, deletionTimestamp } = change.object.metadata;
  const { metadata: former } = change.previous;
  return generation !== former.generation || deletionTimestamp !== former.deletionTimestamp;
}

/** Others may be below it, or above it and have promised something. */
function addWithRelatives(
  budget: StoredBudget,
  { queue, services }: Pick<BudgetControllerOptions, 'queue' | 'services'>,
): void {
  const key = keyOf(budget);
  queue.add(key);
  const parent = parentKeyOf(budget);
  if (parent !== undefined) queue.add(parent);
  for (const child of childKeysOf(key, services.relatives)) queue.add(child);
}

/** A budget that has just been created, or that this process has not looked at yet, is there: sidecars should wait. */
function announce(configurations: Configurations, { metadata }: StoredBudget): void {
  const { namespace, name } = metadata;
  if (configurations.get({ namespace, name }) !== undefined || metadata.deletionTimestamp !== undefined)
    return;
  const message = 'The operator has not looked at this budget yet.';
  configurations.publish({ state: 'unavailable', namespace, budget: name, reason: 'NotObserved', message });
}
