import type { Clock } from '../clock.ts';
import type { HeardRound } from './courier.ts';
import type { RoundReport } from './lease-error.ts';

/** A round as people are told of it, by the clock on their wall. */
export function describeRound(round: HeardRound | undefined, clock: Clock): RoundReport | undefined {
  if (round === undefined) return undefined;
  const { beganAtMs, beganMsAgo: _, ...rest } = round;
  return { ...rest, beganMs: clock.wallMs() - (clock.monotonicMs() - beganAtMs) };
}
