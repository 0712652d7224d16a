import { z } from 'zod';
import { parseDecimal } from '../../accounting/decimal.ts';
import { isRecord } from '../kube/resource.ts';

const maxRows = 200_000;

/** How many of the smallest figure are one: SAP's figures have at most this many decimals here. */
const attoDigits = 18;

/** A row of AI Core's usage. */
export interface UsageRow {
  subaccountId: string;
  /** `YYYY-MM-DD`; of a row of a month its first day. */
  day: string;
  /** `<model>-<version>`, empty for what belongs to no model. */
  application: string;
  instance: string;
  measure: string;
  /** In 10^−18 of the measure's unit: exact, below zero for corrections. */
  amount: bigint;
}

/** What a call answered. */
export interface UsageAnswer {
  /** AI Core's rows alone. */
  rows: UsageRow[];
  /** Last day of any row of the subaccount, whatever its service; undefined where there is none. */
  through: string | undefined;
}

/** SAP leaves out, or sends null for, what does not apply. */
const name = z
  .string()
  .max(512)
  .nullish()
  .transform((text) => text ?? '');

const aiCoreRow = z.object({
  subaccountId: z.string().max(64),
  application: name,
  instanceId: name,
  measureId: z.string().max(128),
  usage: z.string().max(64),
  startIsoDate: z.iso.date().nullish(),
  periodStartDate: z.int().min(19_700_101).max(99_991_231).nullish(),
});

/** An answer that is not usage data; the message says what it does or has, without a subject. */
export class UsageRowsError extends Error {
  override readonly name = 'UsageRowsError';
  readonly reason = 'not_usage_data';
}

/**
 * AI Core's rows of an answer, in which `usage` is text.
 *
 * @throws UsageRowsError
 */
export function readRows(body: unknown, subaccountId: string): UsageAnswer {
  const records = recordsOf(body);
  const days = records.filter((row) => row['subaccountId'] === subaccountId).map(dayOf);
  const through = days.reduce(
    (last, day) => (day !== undefined && day > (last ?? '') ? day : last),
    undefined,
  );
  const rows = records.filter((row) => row['serviceId'] === 'ai-core').map(rowOf);
  return { rows, through };
}

const costRow = z.object({ subaccountId: z.string().max(64), estimated: z.boolean() });

/**
 * Whether an answer with costs says that AI Core's of this subaccount are billed and no estimate any more; undefined where
 * it has none.
 *
 * @throws UsageRowsError
 */
export function readIsBilled(body: unknown, subaccountId: string): boolean | undefined {
  const rows = recordsOf(body).filter((row) => row['serviceId'] === 'ai-core');
  const own = rows.flatMap((row) => {
    const parsed = costRow.safeParse(row);
    if (!parsed.success) throw new UsageRowsError('has a row of AI Core that is no cost');
    return parsed.data.subaccountId === subaccountId ? [parsed.data] : [];
  });
  return own.length === 0 ? undefined : own.every(({ estimated }) => !estimated);
}

function recordsOf(body: unknown): Record<string, unknown>[] {
  const content = isRecord(body) ? body['content'] : undefined;
  if (!Array.isArray(content)) throw new UsageRowsError('has no rows');
  if (content.length > maxRows) throw new UsageRowsError(`has more than ${maxRows} rows`);
  const records = content.filter((row: unknown) => isRecord(row));
  if (records.length < content.length) throw new UsageRowsError('has a row that is none');
  return records;
}

function rowOf(raw: Record<string, unknown>): UsageRow {
  const parsed = aiCoreRow.safeParse(raw);
  const day = dayOf(raw);
  const amount = attoOf(raw['usage']);
  if (!parsed.success || amount === undefined || day === undefined) {
    const [issue] = parsed.error?.issues ?? [];
    const member = issue?.path.join('.') ?? (day === undefined ? 'day' : 'usage');
    throw new UsageRowsError(`has a row of AI Core whose ${member} cannot be read`);
  }
  const { subaccountId, application, instanceId: instance, measureId: measure } = parsed.data;
  return { subaccountId, day, application, instance, measure, amount };
}

function dayOf(row: Record<string, unknown>): string | undefined {
  const { periodStartDate, startIsoDate } = row;
  const text = typeof periodStartDate === 'number' ? String(periodStartDate) : '';
  const day = text === '' ? startIsoDate : `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
  return z.iso.date().safeParse(day).data;
}

/** A figure as SAP wrote it, exactly; undefined for what is none. */
function attoOf(text: unknown): bigint | undefined {
  if (typeof text !== 'string') return undefined;
  const negative = text.startsWith('-');
  try {
    const { coefficient, scale } = parseDecimal(negative ? text.slice(1) : text);
    const amount = coefficient * 10n ** BigInt(attoDigits - scale);
    return negative ? -amount : amount;
  } catch {
    return undefined;
  }
}
