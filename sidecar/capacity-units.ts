import { formatAmount } from '../accounting/amount.ts';
import type { Price } from '../accounting/price.ts';
import { isRecord } from './record.ts';

/**
 * The text of an orchestration answer or event with `capacity_units_input` and `capacity_units_output` in
 * `final_result.usage`; everything else stays byte for byte as it came. They are JSON numbers like all that stands
 * beside them (clients that keep usage as a map of numbers would break on text), written from the exact decimal.
 * A text that has no such member is returned as it is.
 */
export function withCapacityUnits(text: string, { input, output }: Pick<Price, 'input' | 'output'>): string {
  const members = `"capacity_units_input":${formatAmount(input)},"capacity_units_output":${formatAmount(output)}`;
  // Quotes within strings are escaped, so that what this finds are members; the final result's is one of the last.
  const places = [...text.matchAll(/"usage"\s*:\s*\{/g)].map((match) => match.index + match[0].length);
  for (const place of places.toReversed()) {
    const comma = /^\s*\}/.test(text.slice(place, place + maxBlanks)) ? '' : ',';
    const annotated = `${text.slice(0, place)}${members}${comma}${text.slice(place)}`;
    if (isInFinalResult(annotated)) return annotated;
  }
  return text;
}

/** No writer of JSON puts more blanks between braces. */
const maxBlanks = 256;

function isInFinalResult(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const final = isRecord(value) ? value['final_result'] : undefined;
    const usage = isRecord(final) ? final['usage'] : undefined;
    return isRecord(usage) && 'capacity_units_input' in usage;
  } catch {
    return false;
  }
}
