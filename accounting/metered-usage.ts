import { maxCount, maxHolderAmount } from './message-parts.ts';
import { type MeteredUsage, maxUsageModel, maxUsageVersion } from './messages.ts';

/** What was metered by day, model and version, by `usageKey`. */
export type MeteredLines = Map<string, MeteredUsage>;

/** Tokens of one request, of one model version. */
export type RequestUsage = Pick<MeteredUsage, 'model' | 'version' | 'input' | 'cacheRead' | 'output'>;

/** Model and version of what was too much to be kept apart. */
export const anyName = '*';

/** Adds a line to those of the same day, model and version; beyond `most` lines, to the one line of the rest of its day. */
export function addUsage(
  lines: Pick<MeteredLines, 'size' | 'get'> & { set: (key: string, line: MeteredUsage) => unknown },
  line: MeteredUsage,
  most: number,
): void {
  const known = lines.get(usageKey(line));
  if (known === undefined && lines.size >= most && line.model !== anyName)
    return addUsage(lines, { ...line, model: anyName, version: anyName }, most);
  lines.set(usageKey(line), known === undefined ? line : sumOf(known, line));
}

/** Lines in a stable order: by day, then by model and version. */
export function sortedUsage(lines: Iterable<MeteredUsage>): MeteredUsage[] {
  return [...lines].sort((a, b) => (usageKey(a) < usageKey(b) ? -1 : 1));
}

/** Tells lines of different days, models and versions apart; names have no blanks. */
export function usageKey({ day, model, version }: Pick<MeteredUsage, 'day' | 'model' | 'version'>): string {
  return `${day} ${model} ${version}`;
}

/** The usage of a request under names that fit into a line, whatever SAP calls its models. */
export function nameUsage<Usage extends RequestUsage>(usage: Usage): Usage {
  return {
    ...usage,
    model: fitting(usage.model, maxUsageModel),
    version: fitting(usage.version, maxUsageVersion),
  };
}

/** The day (UTC, `YYYY-MM-DD`) of an instant in ms since 1970. */
export function utcDay(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function fitting(name: string, most: number): string {
  return name.slice(0, most).replaceAll(/[^!-~]/g, '?') || '-';
}

/** Never more than a line can be read back with: no grant depends on it, and the ledger must stay readable. */
function sumOf(one: MeteredUsage, other: MeteredUsage): MeteredUsage {
  const spent = one.spent + other.spent;
  return {
    ...one,
    input: Math.min(maxCount, one.input + other.input),
    cacheRead: Math.min(maxCount, one.cacheRead + other.cacheRead),
    output: Math.min(maxCount, one.output + other.output),
    spent: spent < maxHolderAmount ? spent : maxHolderAmount,
  };
}
