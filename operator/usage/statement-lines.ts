import { formatAmount } from '../../accounting/amount.ts';
import type { MeteredUsage } from '../../accounting/messages.ts';
import { anyName, nameUsage } from '../../accounting/metered-usage.ts';
import { modelOf, noName } from './applications.ts';
import type { ModelVersion } from './applications.ts';
import type { BilledUse } from './billed.ts';

/** One day and model of a statement: tokens, and nano-CU; billed figures are below zero for corrections. */
export interface StatementLine extends ModelVersion {
  day: string;
  input: number;
  cacheRead: number;
  output: number;
  metered: bigint;
  billedInput: bigint;
  billedOutput: bigint;
  billed: bigint;
}

const header = 'v1 day model version input cacheRead output metered billedInput billedOutput billed';
/** Lines of a statement; the rest of a day is one more line. Each has at most some 250 characters. */
const maxLines = 1500;

/** Metered and billed usage side by side, in order of days and models. */
export function statementLines(
  metered: readonly MeteredUsage[],
  billed: readonly BilledUse[],
  known: readonly ModelVersion[] = [],
): StatementLine[] {
  const lines = new Map<string, StatementLine>();
  for (const { spent, ...usage } of metered) addLine(lines, { ...nothingBilled, ...usage, metered: spent });
  const names = [...metered, ...known];
  for (const { day, application, inputTokens, outputTokens, capacityUnits } of billed) {
    const figures = { billedInput: inputTokens, billedOutput: outputTokens, billed: capacityUnits };
    addLine(lines, { ...nothingMetered, day, ...modelOf(application, names), ...figures });
  }
  return [...lines.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** The text of a statement's lines. */
export function encodeLines(lines: readonly StatementLine[]): string {
  return [header, ...lines.map(encodeLine)].join('\n');
}

/** What was billed by a text of `encodeLines`, as far as it can be read: for sums of days that SAP no longer gives. */
export function billedInText(text: string): BilledUse[] {
  const [found, ...lines] = text.split('\n');
  return found === header ? lines.flatMap(decodeBilled) : [];
}

const nothingBilled = { billedInput: 0n, billedOutput: 0n, billed: 0n };
const nothingMetered = { input: 0, cacheRead: 0, output: 0, metered: 0n };

function addLine(lines: Map<string, StatementLine>, given: StatementLine): void {
  const named = nameUsage(given);
  const fits = lines.has(keyOf(named)) || lines.size < maxLines;
  const line = fits ? named : { ...named, model: anyName, version: anyName };
  const sum = lines.get(keyOf(line));
  lines.set(keyOf(line), sum === undefined ? line : added(sum, line));
}

function added(one: StatementLine, other: StatementLine): StatementLine {
  return {
    ...one,
    input: one.input + other.input,
    cacheRead: one.cacheRead + other.cacheRead,
    output: one.output + other.output,
    metered: one.metered + other.metered,
    billedInput: one.billedInput + other.billedInput,
    billedOutput: one.billedOutput + other.billedOutput,
    billed: one.billed + other.billed,
  };
}

function keyOf({ day, model, version }: StatementLine): string {
  return `${day} ${model} ${version}`;
}

function encodeLine(line: StatementLine): string {
  const { day, model, version, input, cacheRead, output, metered, billedInput, billedOutput, billed } = line;
  const figures = [input, cacheRead, output, formatAmount(metered), billedInput, billedOutput];
  return [day, model, version, ...figures, formatAmount(billed)].join(' ');
}

const billedForm = /^(\S+) (\S+) (\S+) \d+ \d+ \d+ \S+ (-?\d+) (-?\d+) (-?)(\d{1,13})(?:\.(\d{1,9}))?$/;

function decodeBilled(line: string): BilledUse[] {
  const fields = billedForm.exec(line);
  if (fields === null) return [];
  const [, day = '', model = '', version = '', input = '', output = '', sign, whole = '', part = ''] = fields;
  const nano = BigInt(whole + part.padEnd(9, '0'));
  const tokens = { inputTokens: BigInt(input), outputTokens: BigInt(output) };
  const capacityUnits = sign === '-' ? -nano : nano;
  return [{ day, application: applicationOf({ model, version }), ...tokens, capacityUnits }];
}

function applicationOf({ model, version }: ModelVersion): string {
  if (version !== noName) return `${model}-${version}`;
  return model === noName ? '' : model;
}
