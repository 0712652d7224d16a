import type { Logger } from 'pino';
import type { Clock } from './kube/clock.ts';
import type { Upkeep, UpkeepFailure } from './ledger/upkeep.ts';
import type { OperatorMetrics } from './metrics.ts';

/** Of each kind of upkeep one line is logged in so much time: a server that is away makes all ledgers fail. */
const lineEveryMs = 60_000;

/** Tells metrics of each failure of upkeep, and the log of the first of its kind in a minute, with the number since the line before. */
export function upkeepReporter({
  metrics,
  log,
  clock,
}: {
  metrics: Pick<OperatorMetrics, 'countUpkeepFailure'>;
  log: Logger;
  clock: Clock;
}): (failure: UpkeepFailure) => void {
  const lines = new Map<Upkeep, { atMs: number; unsaid: number }>();
  return ({ upkeep, ledger, error }) => {
    metrics.countUpkeepFailure(upkeep);
    const nowMs = clock.nowMs();
    const last = lines.get(upkeep);
    if (last !== undefined && nowMs - last.atMs < lineEveryMs) {
      last.unsaid += 1;
      return;
    }
    lines.set(upkeep, { atMs: nowMs, unsaid: 0 });
    const failures = (last?.unsaid ?? 0) + 1;
    log.warn({ upkeep, ledger, failures, err: error }, 'upkeep of a ledger failed, it is tried again');
  };
}
