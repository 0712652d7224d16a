import { type Ledger, available } from './ledger.ts';

/** Shorter lives would have idle holders report all the time. */
const shortestLifeSeconds = 60;
/** Lives are full while more than one part in so many of the cap is left. */
const plenty = 10n;

/**
 * When a lease ends that begins or is renewed now, in seconds since the epoch. The less is left, the shorter its life: what
 * a silent holder has cannot be recalled before it has ended.
 */
export function leaseEnd(
  ledger: Ledger,
  { nowMs, leaseSeconds }: { nowMs: number; leaseSeconds: number },
): number {
  return Math.floor(nowMs / 1000) + leaseLife(ledger, leaseSeconds);
}

/** Life of a lease in seconds, as much is left now. */
export function leaseLife(ledger: Ledger, leaseSeconds: number): number {
  const left = available(ledger);
  if (ledger.enforcement === 'Shadow' || left * plenty >= ledger.cap) return leaseSeconds;
  const share = left > 0n ? Number((BigInt(leaseSeconds) * left * plenty) / ledger.cap) : 0;
  return Math.max(Math.min(shortestLifeSeconds, leaseSeconds), share);
}
