import type { Call } from './application.ts';

const model = 'gpt-4o';
const question =
  'Summarise the open purchase orders of plant 1000 by supplier, oldest first, and say which of them are late. ';

/** The mixture every run has: JSON, streams, readers that leave, answers without usage. */
const mixture: readonly Call[] = [
  { kind: 'json', model, prompt: `${question}[[out=180]]`, maxTokens: 300 },
  { kind: 'stream', model, prompt: `${question}[[out=240]]`, maxTokens: 300 },
  { kind: 'json', model, prompt: `${question}[[out=90]][[cached=64]]` },
  { kind: 'leave', model, prompt: `${question}[[out=260]]`, maxTokens: 300 },
  { kind: 'stream', model, prompt: `${question}[[out=120]]` },
  { kind: 'json', model, prompt: `${question}[[out=200]][[fault=no-usage]]`, maxTokens: 250 },
  { kind: 'json', model: 'gpt-4o-mini', prompt: `${question}[[out=150]]`, maxTokens: 300 },
  { kind: 'stream', model, prompt: `${question}[[out=100]][[fault=no-usage]]`, maxTokens: 150 },
];

/** Calls whose cost SAP always tells: what a run goes on with near the cap, one after the other. */
export const nearCap: readonly Call[] = mixture.slice(0, 2);

/** The calls of a wave that are made side by side. */
const sideBySide = 4;

export function waveOf(round: number): Call[] {
  const calls = Array.from(
    { length: sideBySide },
    (_, index) => mixture[(round * sideBySide + index) % mixture.length],
  );
  return calls.filter((call) => call !== undefined);
}
