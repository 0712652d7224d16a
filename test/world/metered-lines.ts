import type { Verdict } from './comparison.ts';
import type { Entry } from './emulator.ts';
import { decimalText, exact, sum } from './exact.ts';
import type { StoredLedger } from './figures.ts';

/** What the ledger tells of one model: all its days and versions. */
interface ModelFigures {
  input: number;
  output: number;
}

/** Whether the ledger's lines of usage, by which a statement is made, say what was billed, model by model. */
export function judgeMeteredLines(ledger: StoredLedger, billed: readonly Entry[]): Verdict[] {
  const metered = new Map<string, ModelFigures>();
  for (const [, model = '', , input, cacheRead, output] of linesOf(ledger))
    add(metered, model, { input: Number(input) + Number(cacheRead), output: Number(output) });
  const known = new Map<string, ModelFigures>();
  for (const { model, promptTokens, outputTokens, usageDelivered } of billed)
    if (usageDelivered) add(known, model, { input: promptTokens, output: outputTokens });
  return [
    {
      rule: `lines of usage = tokens billed, model by model (${known.size})`,
      found: `${show(metered)} / ${show(known)}`,
      holds: show(metered) === show(known),
    },
    judgeSumOfLines(ledger),
  ];
}

/** Whether the lines explain all that is settled: also after crashes, as long as no journal was lost. */
export function judgeSumOfLines(ledger: StoredLedger): Verdict {
  const spent = sum(linesOf(ledger).map((line) => exact(line[6] ?? '0')));
  return {
    rule: 'lines of usage add up to what is settled',
    found: `${decimalText(spent)} / ${ledger.settled} CU`,
    holds: spent === exact(ledger.settled),
  };
}

function linesOf({ usage }: StoredLedger): string[][] {
  const [, ...lines] = usage.split('\n').map((line) => line.split(' '));
  return lines;
}

function add(figures: Map<string, ModelFigures>, model: string, { input, output }: ModelFigures): void {
  const figure = figures.get(model) ?? { input: 0, output: 0 };
  figures.set(model, { input: figure.input + input, output: figure.output + output });
}

function show(figures: Map<string, ModelFigures>): string {
  const shown = [...figures].map(([model, { input, output }]) => `${model} ${input}+${output}`);
  return shown.sort().join(', ') || 'none';
}
