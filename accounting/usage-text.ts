import { formatAmount, parseAmount } from './amount.ts';
import { meteredUsage } from './messages.ts';
import type { MeteredUsage } from './messages.ts';
import { addUsage, sortedUsage } from './metered-usage.ts';
import type { MeteredLines } from './metered-usage.ts';

const header = 'v1 day model version input cacheRead output spent';

/** A line of a stored usage text that cannot be read. */
class UsageTextError extends Error {
  override readonly name = 'UsageTextError';
  readonly reason = 'malformed';
}

/** Metered usage as one text of readable lines. */
export function encodeUsage(lines: Iterable<MeteredUsage>): string {
  return [header, ...sortedUsage(lines).map(encodeLine)].join('\n');
}

/** Reads what `encodeUsage` wrote; an empty text has no lines. Throws an error that says which line cannot be read. */
export function decodeUsage(text: string): MeteredLines {
  const lines: MeteredLines = new Map();
  if (text === '') return lines;
  const [found, ...rest] = text.split('\n');
  if (found !== header)
    throw new UsageTextError(`usage begins with an unknown header "${(found ?? '').slice(0, 40)}"`);
  for (const line of rest) addUsage(lines, decodeLine(line), Number.POSITIVE_INFINITY);
  return lines;
}

function encodeLine({ day, model, version, input, cacheRead, output, spent }: MeteredUsage): string {
  return [day, model, version, input, cacheRead, output, formatAmount(spent)].join(' ');
}

function decodeLine(line: string): MeteredUsage {
  const [day, model, version, input, cacheRead, output, spent = '', ...more] = line.split(' ');
  const counts = { input: Number(input), cacheRead: Number(cacheRead), output: Number(output) };
  const parsed = meteredUsage.safeParse({ day, model, version, ...counts, spent });
  if (!parsed.success || more.length > 0)
    throw new UsageTextError(`"${line.slice(0, 40)}" is no line of metered usage`);
  return { ...parsed.data, spent: parseAmount(spent) };
}
