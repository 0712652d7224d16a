import type { Logger } from 'pino';
import type { ReconcileReport } from './kube/controller.ts';
import type { ControllerName, OperatorMetrics } from './metrics.ts';

/** Tells metrics and log of each reconcile of a controller. */
export function reconcileReporter(
  { metrics, log }: { metrics: OperatorMetrics; log: Logger },
  controller: ControllerName,
): (report: ReconcileReport) => void {
  return (report) => {
    metrics.observeReconcile(controller, report);
    const { key, result, durationMs, error, retryAfterMs } = report;
    if (error === undefined) log.debug({ controller, key, result, durationMs }, 'reconciled');
    else log.error({ controller, key, err: error, retryAfterMs }, 'reconcile failed');
  };
}
