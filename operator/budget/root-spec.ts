import type { PeriodRule } from '../../accounting/period.ts';
import type { SapAiBudgetSpec } from '../../crds/budget.ts';

/** Where a root finds SAP AI Core. Throws a TypeError for a budget that is below another one. */
export function aiCoreOf({
  aiCore,
}: Pick<SapAiBudgetSpec, 'aiCore'>): NonNullable<SapAiBudgetSpec['aiCore']> {
  if (aiCore === undefined) throw new TypeError('only a root has a subscription of its own');
  return aiCore;
}

/** When the periods of a root begin. */
export function periodRuleOf({ period }: Pick<SapAiBudgetSpec, 'period'>): PeriodRule {
  return period ?? { timeZone: 'Etc/UTC', startDay: 1 };
}

/** Name of the rate card of a root. */
export function rateCardNameOf({ rateCardRef }: Pick<SapAiBudgetSpec, 'rateCardRef'>): string {
  return rateCardRef?.name ?? 'default';
}
