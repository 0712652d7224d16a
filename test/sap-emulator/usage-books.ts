import type { Admission, Bill } from './books.ts';
import { add, divide, parseExact, whole, zero } from './exact.ts';
import type { Exact } from './exact.ts';

/** What one subaccount used of one model in one resource group on one day (UTC), exactly. */
export interface DayUsage {
  /** `YYYY-MM-DD` */
  day: string;
  clientId: string;
  resourceGroup: string;
  /** `<model>-<version>` */
  application: string;
  inputTokens: number;
  outputTokens: number;
  genAiTokens: Exact;
  capacityUnits: Exact;
}

/** Billed usage by day. What is shown lags behind: a day appears as it was when it, or a later one, was closed. */
export interface UsageBooks {
  add(admission: Admission, charge: Bill): void;
  /** Shows this day and those before it as they are now. */
  close(day: string): void;
  /** The bill of this month (`YYYY-MM`) is written: its days are shown as they are now, and its cost is final. */
  closeMonth(month: string): void;
  isBilled(month: string): boolean;
  /** The days that are closed, in order of their first use. */
  shown(): readonly DayUsage[];
  /** The latest closed day, or undefined. */
  closedThrough(): string | undefined;
  reset(): void;
}

/** Empty books of usage. */
export function createUsageBooks(): UsageBooks {
  let current = new Map<string, DayUsage>();
  let shown: DayUsage[] = [];
  let closed: string | undefined;
  const billed = new Set<string>();
  const close = (day: string): void => {
    closed = closed === undefined || day > closed ? day : closed;
    const last = closed;
    shown = [...current.values()].filter((usage) => usage.day <= last);
  };
  return {
    add: (admission, charge) => {
      const day = admission.at.slice(0, 10);
      const { clientId, resourceGroup, model, version } = admission;
      const application = `${model}-${version}`;
      const key = [day, clientId, resourceGroup, application].join('\n');
      const names = { day, clientId, resourceGroup, application };
      current.set(key, charged(current.get(key) ?? { ...names, ...nothing }, charge));
    },
    close,
    closeMonth: (month) => {
      close(lastDayOf(month));
      billed.add(month);
    },
    isBilled: (month) => billed.has(month),
    shown: () => shown,
    closedThrough: () => closed,
    reset: () => {
      current = new Map();
      shown = [];
      closed = undefined;
      billed.clear();
    },
  };
}

function lastDayOf(month: string): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
}

const nothing = { inputTokens: 0, outputTokens: 0, genAiTokens: zero, capacityUnits: zero };

function charged(usage: DayUsage, { tokens, factor, capacityUnits }: Bill): DayUsage {
  return {
    ...usage,
    inputTokens: usage.inputTokens + tokens.prompt,
    outputTokens: usage.outputTokens + tokens.output,
    genAiTokens: add(usage.genAiTokens, divide(capacityUnits, parseExact(factor))),
    capacityUnits: add(usage.capacityUnits, capacityUnits),
  };
}

/** The five measures AI Core is billed by, as SAP names them, with their amounts. */
export function measuresOf(usage: DayUsage): readonly (readonly [string, Exact])[] {
  return [
    ['input_tokens', whole(usage.inputTokens)],
    ['output_tokens', whole(usage.outputTokens)],
    ['genai_token', usage.genAiTokens],
    ['capacity_units_genai_token', usage.capacityUnits],
    ['capacity_units', usage.capacityUnits],
  ];
}

/** Sums rows that are the same but for their day. */
export function sumOfDays(days: readonly DayUsage[]): DayUsage[] {
  const sums = new Map<string, DayUsage>();
  for (const usage of days) {
    const key = [usage.clientId, usage.resourceGroup, usage.application].join('\n');
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? usage : added(sum, usage));
  }
  return [...sums.values()];
}

function added(sum: DayUsage, usage: DayUsage): DayUsage {
  return {
    ...sum,
    inputTokens: sum.inputTokens + usage.inputTokens,
    outputTokens: sum.outputTokens + usage.outputTokens,
    genAiTokens: add(sum.genAiTokens, usage.genAiTokens),
    capacityUnits: add(sum.capacityUnits, usage.capacityUnits),
  };
}
