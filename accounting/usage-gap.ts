import type { NanoCu } from './amount.ts';
import type { MeteredUsage } from './messages.ts';
import { anyName } from './metered-usage.ts';

/** What SAP billed for one model version on one day (UTC), whoever used it: whole tokens, and nano-CU. */
export interface BilledLine extends Pick<MeteredUsage, 'day' | 'model' | 'version'> {
  readonly input: bigint;
  readonly output: bigint;
  readonly billed: NanoCu;
}

/** Final usage of a period beside what was metered of it. */
export interface FinalUsage {
  readonly metered: readonly MeteredUsage[];
  /** All that SAP billed on the days of the period, and on the one after it. */
  readonly billed: readonly BilledLine[];
  /** Last day (UTC) of the period. */
  readonly lastDay: string;
}

/** At most so much of a period was billed and not metered, nano-CU; or why nothing can be said of it. */
export type UsageGap = { state: 'bounded'; amount: NanoCu } | { state: 'unusable'; why: string };

/**
 * Tokens of one model differ in price by their kind: the dearest that SAP lists (a tier of long input, a cache write that
 * lasts an hour) cost up to twice the plain ones.
 */
const dearestKind = 2n;

/**
 * Bounds what all requests of unknown cost can have cost together: what SAP billed beyond what was metered, line by line
 * (day, model and version) and kind by kind in tokens, priced by SAP's own bill of that line. No line makes up for
 * another one, and no rate of ours is in it: a rate card that is too dear hides nothing. The exception is the last
 * midnight of the period: a call that ran over it is metered on the last day, may be billed on the next, and then hides
 * as many tokens that were lost on the last day.
 */
export function gapOf({ metered, billed, lastDay }: FinalUsage): UsageGap {
  let amount = 0n;
  for (const model of modelsOf(metered, billed)) {
    const gap = gapOfModel(model, lastDay);
    if (typeof gap === 'string') return { state: 'unusable', why: gap };
    amount += gap;
  }
  return { state: 'bounded', amount };
}

/** Tokens of one model and day: `cached` was read from a cache, and is not part of `input`. */
interface MeteredTokens {
  input: bigint;
  cached: bigint;
  output: bigint;
}

type BilledTokens = Pick<BilledLine, 'input' | 'output' | 'billed'>;

/** One model version, by day. */
interface ModelUsage {
  name: string;
  metered: Map<string, MeteredTokens>;
  billed: Map<string, BilledTokens>;
}

const nothingMetered: MeteredTokens = { input: 0n, cached: 0n, output: 0n };
const nothingBilled: BilledTokens = { input: 0n, output: 0n, billed: 0n };

/** What was too much to be told apart was metered of nobody knows which model: it explains nothing. */
function modelsOf(metered: FinalUsage['metered'], billed: FinalUsage['billed']): Iterable<ModelUsage> {
  const models = new Map<string, ModelUsage>();
  const modelOf = ({ model, version }: Pick<BilledLine, 'model' | 'version'>): ModelUsage => {
    const name = `${model} ${version}`;
    const found = models.get(name) ?? { name, metered: new Map(), billed: new Map() };
    models.set(name, found);
    return found;
  };
  for (const line of metered) {
    if (line.model === anyName) continue;
    const days = modelOf(line).metered;
    const { input, cached, output } = days.get(line.day) ?? nothingMetered;
    days.set(line.day, {
      input: input + BigInt(line.input),
      cached: cached + BigInt(line.cacheRead),
      output: output + BigInt(line.output),
    });
  }
  for (const line of billed) {
    const days = modelOf(line).billed;
    const { input, output, billed: amount } = days.get(line.day) ?? nothingBilled;
    const sum = { input: input + line.input, output: output + line.output, billed: amount + line.billed };
    days.set(line.day, sum);
  }
  return models.values();
}

/** Nano-CU, or why SAP's figures of this model cannot be all of it. */
function gapOfModel(model: ModelUsage, lastDay: string): NanoCu | string {
  const why = whatIsMissing(model);
  if (why !== undefined) return why;
  const cachedInput = cachedInputOf(model);
  let amount = 0n;
  for (const [day, billed] of model.billed) {
    const cost = day > lastDay ? 0n : gapOfDay(billed, model.metered.get(day), cachedInput);
    if (cost === undefined) return `SAP has tokens of ${model.name} on ${day} that it billed nothing for`;
    amount += cost;
  }
  return amount;
}

/** A call that runs over midnight may be billed on the day after the one it is metered on, also at the period's end. */
function whatIsMissing({ name, metered, billed }: ModelUsage): string | undefined {
  const [ours, saps] = [[...metered.values()], [...billed.values()]];
  if (saps.some(({ input, output, billed: amount }) => input < 0n || output < 0n || amount < 0n))
    return `SAP has corrected its figures of ${name} below zero`;
  const isLess = (kind: 'input' | 'output'): boolean =>
    saps.reduce((sum, line) => sum + line[kind], 0n) < ours.reduce((sum, line) => sum + line[kind], 0n);
  return isLess('input') || isLess('output')
    ? `SAP has fewer tokens of ${name} than were metered`
    : undefined;
}

/** Whether SAP's input counts what was read from a cache; `untold`: nothing shows it. */
type CachedInput = 'none' | 'included' | 'untold';

/** Days tell it on which nobody else has called: output agrees to the token. */
function cachedInputOf({ metered, billed }: ModelUsage): CachedInput {
  const days = [...metered].filter(([, { cached }]) => cached > 0n);
  if (days.length === 0) return 'none';
  const rests = days.flatMap(([day, { input, cached, output }]) => {
    const saps = billed.get(day);
    return saps === undefined || output === 0n || saps.output !== output ? [] : [saps.input - input - cached];
  });
  return rests.length > 0 && rests.every((rest) => rest === 0n) ? 'included' : 'untold';
}

/** At most so much of a day's bill is for what was not metered; undefined: there is something, and no bill for it. */
function gapOfDay(
  { input, output, billed }: BilledTokens,
  metered: MeteredTokens = nothingMetered,
  cachedInput: CachedInput,
): NanoCu | undefined {
  if (input === 0n && output === 0n) return billed;
  const cached = cachedInput === 'included' ? metered.cached : 0n;
  const gaps = [
    { gap: input - metered.input - cached, metered: metered.input },
    { gap: output - metered.output, metered: metered.output },
  ].filter(({ gap }) => gap > 0n);
  if (gaps.length === 0) return 0n;
  if (billed === 0n) return undefined;
  if (cachedInput === 'untold') return billed * dearestKind;
  // Cached tokens that were metered count as if they had cost nothing: the bill is for the others.
  const costs = gaps.map((part) => ceilDivide(billed * dearestKind * part.gap, part.gap + part.metered));
  return costs.reduce((most, cost) => (cost > most ? cost : most), 0n);
}

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
