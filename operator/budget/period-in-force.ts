import { periodAt } from '../../accounting/period.ts';
import type { Period, PeriodRule } from '../../accounting/period.ts';

/**
 * The period to spend from at an instant (ms), given the last one that was opened. A period that has begun is kept to
 * its end, whatever the rule says by now: a change of the rule must not give the limit anew. Where the rule's next
 * period would begin in the same month, and so have the same name, the old one goes on to that period's end.
 *
 * @throws PeriodError
 */
export function periodInForce(nowMs: number, rule: PeriodRule, last?: Period): Period {
  if (last && nowMs < last.endMs) return last;
  const period = periodAt(nowMs, rule);
  if (period.name !== last?.name) return period;
  return { ...last, endMs: period.endMs };
}

/** Names that the period of an instant can have in any time zone and by any start day. */
export function possibleNames(nowMs: number): string[] {
  const now = new Date(nowMs);
  return [1, 0, -1].map((months) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months)).toISOString().slice(0, 7),
  );
}
