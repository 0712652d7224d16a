import type { V1Container, V1Probe } from '@kubernetes/client-node';
import { type Clock, pause } from '../../operator/kube/clock.ts';

/** The defaults that the API server writes into every probe. */
const defaults = { periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3, successThreshold: 1 };

/** What becomes known of a container's health. */
export interface HealthEvents {
  /** Its startup probe has succeeded, or it has none. */
  onStarted: () => void;
  onReady: (ready: boolean) => void;
  /** A startup or liveness probe has failed too often: the container has to be restarted. Comes once. */
  onUnhealthy: (probe: V1Probe, kind: 'startup' | 'liveness') => void;
}

/** How it is watched. */
export interface HealthOptions {
  container: Pick<V1Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'>;
  /** Asks a probe's question once. */
  check: (probe: V1Probe, signal: AbortSignal) => Promise<boolean>;
  clock: Clock;
  signal: AbortSignal;
  events: HealthEvents;
}

/** Probes a container by Kubernetes' rules until the signal fires: first its startup probe alone, then readiness and liveness. */
export async function watchHealth(options: HealthOptions): Promise<void> {
  const { container, signal, events } = options;
  const { startupProbe, readinessProbe, livenessProbe } = container;
  if (startupProbe !== undefined && !(await hasStarted(startupProbe, options))) return;
  if (signal.aborted) return;
  events.onStarted();
  if (readinessProbe === undefined) events.onReady(true);
  await Promise.all([
    readinessProbe !== undefined &&
      observe(readinessProbe, options, (good) => {
        events.onReady(good);
        return true;
      }),
    livenessProbe !== undefined &&
      observe(livenessProbe, options, (good) => {
        if (!good) events.onUnhealthy(livenessProbe, 'liveness');
        return good;
      }),
  ]);
}

async function hasStarted(probe: V1Probe, options: HealthOptions): Promise<boolean> {
  let started = false;
  await observe(probe, options, (good) => {
    started = good;
    if (!good) options.events.onUnhealthy(probe, 'startup');
    return false;
  });
  return started;
}

/** Asks again and again, and tells each verdict that its threshold has made sure; ends when told false or by the signal. */
async function observe(
  probe: V1Probe,
  { check, clock, signal }: HealthOptions,
  onVerdict: (good: boolean) => boolean,
): Promise<void> {
  const periodMs = (probe.periodSeconds ?? defaults.periodSeconds) * 1000;
  const timeoutMs = (probe.timeoutSeconds ?? defaults.timeoutSeconds) * 1000;
  const isSure = verdictOf(probe);
  await pause(clock, (probe.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const startedMs = clock.nowMs();
    const good = await checkWithin(timeoutMs, { probe, check, clock, signal });
    if (signal.aborted || (isSure(good) && !onVerdict(good))) return;
    await pause(clock, Math.max(0, startedMs + periodMs - clock.nowMs()), signal);
  }
}

/** Counts answers of the same kind; true once there are as many as the probe wants. */
function verdictOf(probe: V1Probe): (good: boolean) => boolean {
  const { failureThreshold = defaults.failureThreshold, successThreshold = defaults.successThreshold } =
    probe;
  let last: boolean | undefined;
  let same = 0;
  return (good) => {
    same = good === last ? same + 1 : 1;
    last = good;
    return same >= (good ? successThreshold : failureThreshold);
  };
}

async function checkWithin(
  timeoutMs: number,
  { probe, check, clock, signal }: Pick<HealthOptions, 'check' | 'clock' | 'signal'> & { probe: V1Probe },
): Promise<boolean> {
  const limit = new AbortController();
  const cancel = clock.after(timeoutMs, () => limit.abort());
  try {
    return await check(probe, AbortSignal.any([signal, limit.signal]));
  } finally {
    cancel();
  }
}
