import type { CallResult } from '../world/application.ts';
import type { Evidence } from '../world/comparison.ts';
import { decimalText, exact, sum } from '../world/exact.ts';

const startedMs = performance.now();

/** One line of what is happening, with the seconds since the start. */
export function say(line: string): void {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
  console.log(`${seconds}s  ${line}`);
}

export function title(text: string): void {
  console.log(`\n${text}\n${'─'.repeat(text.length)}`);
}

/** A command's output as it is, indented below the command. */
export function showText(heading: string, text: string): void {
  if (heading) console.log(`\n${heading}`);
  console.log(text.trimEnd());
}

/** How many calls of each namespace are shown before the rest is only counted. */
const shown = 12;

/** Prints calls as their applications saw them: the first of each namespace, and all that were not simply answered. */
export function createCallPrinter(): (namespace: string, result: CallResult) => void {
  const counts = new Map<string, number>();
  return (namespace, result) => {
    const count = (counts.get(namespace) ?? 0) + 1;
    counts.set(namespace, count);
    const isPlain = result.outcome === 'ok' && !result.headers['sapaibudget-max-tokens-clamped'];
    if (count <= shown || !isPlain) say(callLine(namespace, result));
    if (count === shown + 1) say(`${namespace}  … the next calls that are simply answered are not shown`);
  };
}

function callLine(namespace: string, result: CallResult): string {
  const { id, call, outcome, status, headers, message } = result;
  const reserved = `reserved ${(headers['sapaibudget-cu-reserved'] ?? '-').padEnd(12)}`;
  const failure = outcome === 'ok' ? '' : `  ${status ?? ''} ${message ?? ''}`;
  const what = `${String(id).padStart(3)} ${call.kind.padEnd(6)} ${call.model.padEnd(11)} ${outcome.padEnd(6)}`;
  return `${namespace}  ${what} ${reserved} ${costOf(result)}  ${notesOn(result).join(', ')}${failure}`;
}

function costOf({ outcome, spent, unknown }: CallResult): string {
  if (outcome !== 'ok') return '';
  return spent === undefined ? `held: ${unknown}` : `CU ${spent}`;
}

function notesOn({ headers, finishReason, totalTokens }: CallResult): string[] {
  const clamped = headers['sapaibudget-max-tokens-clamped'];
  return [
    finishReason && finishReason !== 'stop' ? `finish ${finishReason}` : '',
    clamped ? `limit lowered to ${clamped}` : '',
    totalTokens === undefined ? '' : `${totalTokens} tokens`,
  ].filter(Boolean);
}

/** Ledger, sidecar and SAP's books side by side. */
export function showLedgerTable({ ledger, metered, billed }: Evidence): void {
  const cu = (delivered: boolean): string =>
    decimalText(
      sum(
        billed.filter((each) => each.usageDelivered === delivered).map((each) => exact(each.capacityUnits)),
      ),
    );
  const tokens = (kind: 'promptTokens' | 'outputTokens'): string =>
    String(billed.filter((each) => each.usageDelivered).reduce((total, each) => total + each[kind], 0));
  const rows = [
    ['', 'ledger (API server)', 'sidecar (metrics)', "emulator's books"],
    ['cap', ledger.cap, '', ''],
    ['cost known', ledger.settled, '', cu(true)],
    ['cost unknown', `${ledger.held} held`, '', `${cu(false)} billed`],
    ['outstanding', ledger.outstanding, '', ''],
    ['overrun', ledger.overrun, '', ''],
    ['tokens in', '', String(metered.input), tokens('promptTokens')],
    ['tokens out', '', String(metered.output), tokens('outputTokens')],
  ];
  for (const row of rows) console.log(row.map((cell, index) => cell.padEnd(index === 0 ? 14 : 26)).join(''));
}
