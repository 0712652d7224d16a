import { utcDay } from '../../accounting/metered-usage.ts';
import type { Period } from '../../accounting/period.ts';
import type { BilledLine } from '../../accounting/usage-gap.ts';
import { SapError } from '../sap/sap-error.ts';
import { modelOf } from './applications.ts';
import type { ModelVersion } from './applications.ts';
import { billedUse } from './billed.ts';
import type { BilledUse } from './billed.ts';
import { addDays, daysOfMonth, monthOf, monthsBetween } from './days.ts';
import type { DaySpan, UsageApi } from './usage-api.ts';

/**
 * SAP's last word on the days of a period: `final` is complete and does not change any more; `pending` may become that;
 * `none` will not.
 */
export type FinalWord = { state: 'final'; billed: BilledLine[] } | { state: 'pending' | 'none'; why: string };

/** What to read. */
export interface FinalUsageOptions {
  api: UsageApi;
  subaccountId: string;
  period: Period;
  /** Names by which models were metered. */
  known: readonly ModelVersion[];
  signal: AbortSignal;
}

/** Days (UTC) that a period touches, border days whole. */
export function daysOfPeriod({ startMs, endMs }: Period): DaySpan {
  return { from: utcDay(startMs), to: utcDay(endMs - 1) };
}

/**
 * What SAP billed on the days of a period, and on the day after it, once the bills of all months that it touches are
 * written, and the days of each add up to the month: by that it is complete.
 */
export async function readFinalUsage(options: FinalUsageOptions): Promise<FinalWord> {
  try {
    return await read(options);
  } catch (error) {
    if (!(error instanceof SapError)) throw error;
    return { state: error.reason === 'UsageForbidden' ? 'none' : 'pending', why: error.message };
  }
}

async function read(options: FinalUsageOptions): Promise<FinalWord> {
  const { api, subaccountId, period, known, signal } = options;
  const span = daysOfPeriod(period);
  const months = monthsBetween(span);
  for (const month of months) {
    const billed = await api.isBilled({ subaccountId, month }, { signal });
    if (billed === true) continue;
    const why = billed === false ? 'gives only an estimate of what it cost' : 'has no cost of it';
    return { state: 'pending', why: `SAP has not billed ${month} yet, it ${why}` };
  }
  const days = await readDays(options, { span, months });
  for (const month of months) {
    const { rows } = await api.monthly({ subaccountId, month }, { signal });
    if (isWhole(month, days, billedUse(rows, subaccountId))) continue;
    return { state: 'pending', why: `the days that SAP has of ${month} do not add up to its month` };
  }
  const after = addDays(span.to, 1);
  const within = days.filter(({ day }) => span.from <= day && day <= after);
  return { state: 'final', billed: within.flatMap((use) => lineOf(use, known)) };
}

/** Whole months, so that they can be compared with their sums, and the day after the period. */
async function readDays(
  { api, subaccountId, signal }: FinalUsageOptions,
  { span, months }: { span: DaySpan; months: readonly string[] },
): Promise<BilledUse[]> {
  const monthEnd = daysOfMonth(months.at(-1) ?? monthOf(span.to)).to;
  const after = addDays(span.to, 1);
  const days = { from: `${monthOf(span.from)}-01`, to: after > monthEnd ? after : monthEnd };
  const { rows } = await api.daily({ subaccountId, ...days }, { signal });
  return billedUse(rows, subaccountId);
}

/** Whether the days of a month have all that SAP says of the month itself; a month without anything says nothing. */
export function isWhole(month: string, days: readonly BilledUse[], sums: readonly BilledUse[]): boolean {
  const own = Map.groupBy(
    days.filter(({ day }) => monthOf(day) === month),
    ({ application }) => application,
  );
  return sums.length > 0 && sums.every((sum) => hasAll(own.get(sum.application) ?? [], sum));
}

function hasAll(days: readonly BilledUse[], sum: BilledUse): boolean {
  const isLess = (figure: 'inputTokens' | 'outputTokens' | 'capacityUnits', tolerance = 0n): boolean =>
    days.reduce((total, use) => total + use[figure], tolerance) < sum[figure];
  // Each day's amount is rounded to a nano-CU.
  const rounding = BigInt(days.length + 1);
  return !isLess('inputTokens') && !isLess('outputTokens') && !isLess('capacityUnits', rounding);
}

/** What belongs to no model and has no tokens is no call of a model: nodes, storage. */
function lineOf({ day, application, ...use }: BilledUse, known: readonly ModelVersion[]): BilledLine[] {
  const { inputTokens: input, outputTokens: output, capacityUnits: billed } = use;
  if (application === '' && input === 0n && output === 0n) return [];
  return [{ day, ...modelOf(application, known), input, output, billed }];
}
