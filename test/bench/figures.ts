import type { ContestantName } from './contestants.ts';

/** What one contestant used and did in one round of a closed load. */
export interface LoadSample {
  readonly round: number;
  readonly contestant: ContestantName;
  /** Requests or chunks. */
  readonly units: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}

/** What one contestant added to the latency in one round, ms. */
export interface LatencySample {
  readonly round: number;
  readonly contestant: ContestantName;
  readonly p50: number;
  readonly p99: number;
}

/** Below this share of its core a proxy was not what limited the throughput. */
const busyShare = 0.95;

/** CPU seconds for 1,000 requests or chunks. */
export function cpuPerThousand({ cpuSeconds, units }: LoadSample): number {
  return (cpuSeconds / units) * 1000;
}

/** Requests a second; undefined when something else than the proxy's core was the limit. */
export function throughput({ units, cpuSeconds, wallSeconds }: LoadSample): number | undefined {
  return cpuSeconds / wallSeconds < busyShare ? undefined : units / wallSeconds;
}

/** The middle value; the mean of the middle two; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** The value that this share of all (0 … 1) does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/**
 * The median of a figure's ratios to nginx, each between two samples of the same round: what slows the whole machine
 * for a while slows both. Rounds in which either has no such figure do not count.
 */
export function pairedRatio<Sample extends { round: number; contestant: ContestantName }>(
  samples: readonly Sample[],
  { contestant, figure }: { contestant: ContestantName; figure: (sample: Sample) => number | undefined },
): { ratio: number; rounds: number } | undefined {
  const base = new Map(
    samples.flatMap((sample) =>
      sample.contestant === 'nginx' ? [[sample.round, figure(sample)] as const] : [],
    ),
  );
  const ratios = samples.flatMap((sample) => {
    const [own, nginx] = [figure(sample), base.get(sample.round)];
    if (sample.contestant !== contestant || own === undefined || nginx === undefined) return [];
    return [own / nginx];
  });
  const ratio = median(ratios);
  return ratio === undefined ? undefined : { ratio, rounds: ratios.length };
}
