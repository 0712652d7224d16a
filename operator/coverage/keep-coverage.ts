import type { KubeClient } from '../kube/client.ts';
import { pause } from '../kube/clock.ts';
import type { Clock } from '../kube/clock.ts';
import { countPods } from './count-pods.ts';
import type { CoverageBoard } from './coverage-board.ts';
import { listPods } from './list-pods.ts';
import type { PodSightings } from './pod-sightings.ts';
import { ReadySidecars } from './ready-sidecars.ts';

/** Longest time for one count. */
const countMs = 60_000;
/** Of a twentieth of the time at most the API server is busy with it. */
const restFactor = 19;

/** What counting needs; callbacks must not throw. */
export interface CoverageOptions {
  kube: KubeClient;
  operatorNamespace: string;
  sightings: PodSightings;
  board: CoverageBoard;
  clock: Clock;
  /** Least time from the end of one count to the next; more where counting takes long. */
  everyMs: number;
  /** Keys of all budgets. */
  budgets: () => readonly string[];
  /** Told of the key of each budget whose coverage has changed. */
  onChange: (budget: string) => void;
  /** Told when counting begins to fail, and with undefined when it works again. */
  onFailed: (error: unknown) => void;
  signal: AbortSignal;
}

/**
 * Counts again and again which pods are guarded, until the signal fires. While the API server does not answer, the last count
 * stays.
 */
export async function keepCoverage(options: CoverageOptions): Promise<void> {
  const { kube, clock, everyMs, onFailed, signal } = options;
  const ready = new ReadySidecars({ kube, clock });
  let isFailing = false;
  while (!signal.aborted) {
    const startedMs = clock.nowMs();
    const error = await countOnce({ ...options, ready }).catch((failure: unknown) => failure);
    const fails = error !== undefined && !signal.aborted;
    if (fails !== isFailing) onFailed(fails ? error : undefined);
    isFailing = fails;
    await pause(clock, Math.max(everyMs, restFactor * (clock.nowMs() - startedMs)), signal);
  }
}

/** Counts once, and tells what has changed by that. Resolves to nothing; rejects with a KubeError or the signal's reason. */
export async function countOnce({
  kube,
  operatorNamespace,
  sightings,
  ready,
  board,
  budgets,
  onChange,
  signal,
}: Pick<
  CoverageOptions,
  'kube' | 'operatorNamespace' | 'sightings' | 'board' | 'budgets' | 'onChange' | 'signal'
> & { ready: ReadySidecars }): Promise<void> {
  // Read before the pods are: whoever started to run since then has reported before.
  const { isComplete: allWereHeard } = sightings;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(countMs)]);
  const { pods, namespaceLabels } = await listPods(kube, { operatorNamespace, signal: limit });
  const suspects = pods.filter(({ uid }) => !sightings.hasReported(uid));
  const isComplete = (await ready.look(suspects, { signal: limit })) && allWereHeard;
  const isEnforced = (uid: string): boolean => sightings.hasReported(uid) || ready.isReady(uid);
  const counts = countPods(pods, { namespaceLabels, isEnforced });
  for (const budget of board.put(counts, { budgets: budgets(), isComplete })) onChange(budget);
}
