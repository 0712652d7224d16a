import type { SapAiBudgetSpec } from '../../crds/budget.ts';
import { SapError } from '../sap/sap-error.ts';
import { billedTotal } from './billed.ts';
import type { BilledUse } from './billed.ts';
import { addDays, daysOfMonth, monthOf, monthsBetween } from './days.ts';
import type { DaySpan, UsageApi } from './usage-api.ts';

/** Months that SAP will not change any more, by subaccount and month, nano-CU. */
export type FinalMonths = Map<string, bigint>;

/** The part of the contract that today is in; without one, this month. */
export interface Phase extends DaySpan {
  /** As the budget says it; absent: nothing was said about what was purchased. */
  purchased?: string;
}

/** Costs of a month are final after its statement: nearly six weeks are enough. */
const finalAfterDays = 40;
/** Months of the longest phase that is summed up; older ones no longer matter. */
const maxMonths = 60;

/** The phase that a day is in. */
export function phaseOf({ purchased = [] }: Pick<SapAiBudgetSpec, 'purchased'>, today: string): Phase {
  const found = purchased.find(({ from, until }) => from <= today && today < until);
  if (found === undefined) return { from: `${monthOf(today)}-01`, to: today };
  const last = addDays(found.until, -1);
  return { from: found.from, to: last < today ? last : today, purchased: found.capacityUnits };
}

/** What is read, and what is known of former months. */
export interface ConsumptionOptions {
  api: UsageApi;
  subaccountId: string;
  span: DaySpan;
  today: string;
  finalMonths: FinalMonths;
  /** Days that are known to have been billed: a sum without rows for their month is not believed. */
  known: readonly BilledUse[];
  signal: AbortSignal;
}

/** All that SAP billed for AI Core in a span, nano-CU. Where days are refused, a month that is cut by the span counts whole. */
export async function consumptionOf(options: ConsumptionOptions): Promise<bigint> {
  const months = monthsBetween(options.span).slice(-maxMonths);
  let sum = 0n;
  for (const month of months) sum += await consumptionOfMonth(month, options);
  return sum;
}

async function consumptionOfMonth(month: string, options: ConsumptionOptions): Promise<bigint> {
  const { subaccountId, span, today, finalMonths } = options;
  const whole = daysOfMonth(month);
  const cut = span.from > whole.from;
  const id = `${subaccountId} ${month} ${cut ? span.from : ''}`;
  const known = finalMonths.get(id);
  if (known !== undefined) return known;
  const billed = cut
    ? await fromDays({ from: span.from, to: whole.to }, options)
    : await fromMonth(month, options);
  if (addDays(whole.to, finalAfterDays) < today) finalMonths.set(id, billed);
  return billed;
}

async function fromMonth(month: string, options: ConsumptionOptions): Promise<bigint> {
  const { api, subaccountId, known, signal } = options;
  const { rows } = await api.monthly({ subaccountId, month }, { signal });
  const own = rows.some((row) => row.subaccountId === subaccountId);
  if (!own && known.some((use) => monthOf(use.day) === month && use.capacityUnits !== 0n))
    throw emptyAnswer(month);
  return billedTotal(rows, subaccountId);
}

/** An answer that would make forgotten what SAP has told before. */
export function emptyAnswer(month: string): SapError {
  return new SapError(
    'UsageEmpty',
    `SAP answers with no usage of AI Core for ${month}, though it has reported some before: the figures stay as they were until it does again`,
  );
}

async function fromDays(days: DaySpan, options: ConsumptionOptions): Promise<bigint> {
  const { api, subaccountId, signal } = options;
  try {
    const { rows } = await api.daily({ subaccountId, ...days }, { signal });
    return billedTotal(rows, subaccountId);
  } catch (error) {
    if (!(error instanceof SapError) || error.reason !== 'UsageForbidden') throw error;
    return fromMonth(monthOf(days.from), options);
  }
}
