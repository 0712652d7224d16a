import type { StoredRateCard } from '../budget/budget-controller.ts';
import { runController } from '../kube/controller.ts';
import type { ReconcileReport } from '../kube/controller.ts';
import { systemClock } from '../kube/clock.ts';
import type { Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { WorkQueue } from '../kube/queue.ts';
import { reconcileRateCard } from './reconcile.ts';

export interface RateCardControllerOptions {
  kube: KubeClient;
  cards: Informer<StoredRateCard>;
  /** The API server's time: it decides which day it is. */
  clock: Clock;
  onReconcile: (report: ReconcileReport) => void;
  signal: AbortSignal;
}

/** Keeps the status of rate cards until the signal fires. */
export async function runRateCardController(options: RateCardControllerOptions): Promise<void> {
  const { kube, cards, clock, onReconcile, signal } = options;
  const queue = new WorkQueue({ clock: systemClock });
  const stop = cards.onChange(({ object }) => queue.add(object.metadata.name));
  try {
    await runController({
      queue,
      clock: systemClock,
      signal,
      workers: 1,
      onReconcile,
      reconcile: (name, limit) => reconcileRateCard(name, { kube, cards, clock }, limit),
    });
  } finally {
    stop();
  }
}
