import { SapError } from '../sap/sap-error.ts';
import { billedUse } from './billed.ts';
import type { BilledUse } from './billed.ts';
import { addDays, daysOfMonth, monthOf } from './days.ts';
import type { DaySpan, UsageApi } from './usage-api.ts';

/** What SAP billed in a span of days. */
export interface Billed {
  source: 'Daily' | 'Monthly';
  uses: BilledUse[];
  /** Last day that SAP has reported; undefined: none so far. */
  through: string | undefined;
}

/** What to read, and what the statement says already. */
export interface ReadBilledOptions {
  api: UsageApi;
  subaccountId: string;
  /** Days of the period, as far as they have begun. */
  span: DaySpan;
  today: string;
  /** What the statement has so far: sums of a month are told apart into days by it. */
  before: { uses: readonly BilledUse[]; through: string | undefined };
  signal: AbortSignal;
}

/**
 * Billed usage by day. Where SAP refuses days to the key: the sum of the month, from which the days before are taken.
 *
 * @throws SapError
 */
export async function readBilled(options: ReadBilledOptions): Promise<Billed> {
  const { api, subaccountId, span, signal } = options;
  try {
    const { rows, through } = await api.daily({ subaccountId, ...span }, { signal });
    return { source: 'Daily', uses: billedUse(rows, subaccountId), through };
  } catch (error) {
    if (!(error instanceof SapError) || error.reason !== 'UsageForbidden') throw error;
    return readMonth(options);
  }
}

async function readMonth(options: ReadBilledOptions): Promise<Billed> {
  const { api, subaccountId, span, today, before, signal } = options;
  const month = monthOf(span.from);
  if (!span.from.endsWith('-01') || monthOf(span.to) !== month)
    throw new SapError(
      'UsageForbidden',
      'SAP refuses daily usage to this service key, and months do not fit a period that starts on another day: set spec.period.startDay to 1 with time zone Etc/UTC',
    );
  const { rows } = await api.monthly({ subaccountId, month }, { signal });
  const latest = addDays(today, -1);
  const { to } = daysOfMonth(month);
  const day = latest < span.from ? span.from : latest;
  const now = billedUse(rows, subaccountId);
  return splitMonth({ now, before, day: day > to ? to : day });
}

/** What is new since the days before is put on one day; a correction makes that day's figure smaller, even below zero. */
export function splitMonth({
  now,
  before,
  day,
}: {
  now: readonly BilledUse[];
  before: ReadBilledOptions['before'];
  day: string;
}): Billed {
  const kept = before.uses.filter((use) => use.day < day && isSomething(use));
  const sums = new Map<string, BilledUse>();
  for (const use of now) sums.set(use.application, { ...use, day });
  for (const use of kept) {
    const sum = sums.get(use.application) ?? { ...nothing, day, application: use.application };
    sums.set(use.application, minus(sum, use));
  }
  const fresh = [...sums.values()].filter(isSomething);
  const through = fresh.length > 0 ? day : before.through;
  return { source: 'Monthly', uses: [...kept, ...fresh], through };
}

const nothing = { inputTokens: 0n, outputTokens: 0n, capacityUnits: 0n };

function minus(sum: BilledUse, use: BilledUse): BilledUse {
  return {
    ...sum,
    inputTokens: sum.inputTokens - use.inputTokens,
    outputTokens: sum.outputTokens - use.outputTokens,
    capacityUnits: sum.capacityUnits - use.capacityUnits,
  };
}

function isSomething({ inputTokens, outputTokens, capacityUnits }: BilledUse): boolean {
  return inputTokens !== 0n || outputTokens !== 0n || capacityUnits !== 0n;
}
