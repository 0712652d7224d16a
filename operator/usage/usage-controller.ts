import type { SapAiBudget } from '../../crds/budget.ts';
import { systemClock } from '../kube/clock.ts';
import { runController } from '../kube/controller.ts';
import type { ReconcileReport } from '../kube/controller.ts';
import type { Informer } from '../kube/informer.ts';
import { WorkQueue } from '../kube/queue.ts';
import type { KubeObject } from '../kube/resource.ts';
import { keyOf } from '../kube/store.ts';
import type { Change } from '../kube/store.ts';
import { pollAnnotation, reconcileUsage } from './reconcile-usage.ts';
import type { UsageMemory, UsageServices } from './usage-services.ts';

/** Reading a phase of several years, month by month, with SAP at its slowest. */
const timeoutMs = 30 * 60_000;
const backOff = { baseMs: 1_000, maxMs: 60_000 };

export interface UsageControllerOptions {
  budgets: Informer<SapAiBudget & KubeObject>;
  /** Made before the parts that put keys into it. */
  queue: WorkQueue;
  services: UsageServices;
  onReconcile: (report: ReconcileReport) => void;
  signal: AbortSignal;
}

/** The queue of budgets whose usage is to be looked at. */
export function usageQueue(): WorkQueue {
  return new WorkQueue({ clock: systemClock, backOff });
}

/** Polls the usage of all budgets that name where to read it, until the signal fires. Caches should be synced. */
export async function runUsageController(options: UsageControllerOptions): Promise<void> {
  const { budgets, queue, services, onReconcile, signal } = options;
  const memories = new Map<string, UsageMemory>();
  const stop = budgets.onChange((change) => {
    if (isWorthALook(change)) queue.add(keyOf(change.object));
  });
  try {
    await runController({
      queue,
      clock: systemClock,
      signal,
      workers: 2,
      timeoutMs,
      onReconcile,
      reconcile: (key, limit) => reconcileUsage(key, { services, memories, signal: limit }),
    });
  } finally {
    stop();
  }
}

function isWorthALook(change: Change<KubeObject>): boolean {
  if (change.type !== 'updated') return true;
  const { generation, deletionTimestamp, annotations } = change.object.metadata;
  const { metadata: former } = change.previous;
  return (
    generation !== former.generation ||
    deletionTimestamp !== former.deletionTimestamp ||
    annotations?.[pollAnnotation] !== former.annotations?.[pollAnnotation]
  );
}
