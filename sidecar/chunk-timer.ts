import type { Clock } from './clock.ts';
import type { RequestLabels } from './labels.ts';
import type { SidecarMetrics } from './metrics.ts';

/** Returns what is to be called as each event of a stream arrives: it measures the first one's delay and every pause. */
export function chunkTimer(
  labels: RequestLabels['operation'],
  { metrics, clock, arrivedMs }: { metrics: SidecarMetrics; clock: Clock; arrivedMs: number },
): () => void {
  let lastMs: number | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    const histogram = lastMs === undefined ? metrics.firstChunk : metrics.outputChunk;
    histogram.observe(labels, (nowMs - (lastMs ?? arrivedMs)) / 1000);
    lastMs = nowMs;
  };
}
