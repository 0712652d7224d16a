import type { Configurations } from '../configuration/configurations.ts';
import { pause } from '../kube/clock.ts';
import type { Clock } from '../kube/clock.ts';
import type { KubeObject } from '../kube/resource.ts';

/** SAP may be slow, or away: after that sidecars are told what is known by then. */
const longestMs = 10_000;
const everyMs = 50;

/**
 * Resolves when every budget there is has been looked at once, or it has taken too long. Sidecars that were served by
 * another replica, or a former process, would else be told that their budgets cannot be used yet.
 */
export async function firstLook({
  budgets,
  configurations,
  clock,
  signal,
}: {
  budgets: { list(): readonly KubeObject[] };
  configurations: Pick<Configurations, 'get'>;
  clock: Clock;
  signal: AbortSignal;
}): Promise<void> {
  const untilMs = clock.nowMs() + longestMs;
  const isLookedAt = ({ metadata: { namespace = '', name } }: KubeObject): boolean => {
    const told = configurations.get({ namespace, name });
    return told !== undefined && (told.state === 'ready' || told.reason !== 'NotObserved');
  };
  while (!signal.aborted && clock.nowMs() < untilMs && !budgets.list().every(isLookedAt))
    await pause(clock, everyMs, signal);
}
