import { faultName } from './fault-names.ts';
import type { FaultName, FaultParameters } from './fault-names.ts';

/**
 * What a request says about its own answer, written into a message as `[[name=value]]`: `in`, `cached`, `out`
 * and `reasoning` are tokens, `fault` is a list of names with commas, `delay` (ms), `retry-after` (s) and
 * `tokens` belong to the faults. The last one of a name counts.
 */
export interface Controls {
  promptTokens?: number;
  cachedTokens?: number;
  outputTokens?: number;
  reasoningTokens?: number;
  faults: readonly FaultName[];
  parameters: FaultParameters;
}

const control = /\[\[([a-z-]{1,20})=([\w.,-]{1,200})\]\]/g;
const maxTokens = 2_000_000;
const maxDelayMs = 60_000;
const maxRetryAfterSeconds = 86_400;

/** Reads the controls in a text; the answer is a message where one of them makes no sense. */
export function readControls(text: string): Controls | { problem: string } {
  const found = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(control)) {
    found.set(name, value);
  }
  const faults = (found.get('fault') ?? '').split(',').filter((name) => name !== '');
  const unknown = faults.find((name) => !faultName.safeParse(name).success);
  if (unknown !== undefined) {
    return { problem: `[[fault=${unknown}]] is no fault of the emulator` };
  }
  const numbers = readNumbers(found);
  return 'problem' in numbers ? numbers : { ...numbers, faults: faults.map((name) => faultName.parse(name)) };
}

const numberControls = [
  { name: 'in', member: 'promptTokens', most: maxTokens },
  { name: 'cached', member: 'cachedTokens', most: maxTokens },
  { name: 'out', member: 'outputTokens', most: maxTokens },
  { name: 'reasoning', member: 'reasoningTokens', most: maxTokens },
] as const;

const parameterControls = [
  { name: 'delay', member: 'delayMs', most: maxDelayMs },
  { name: 'retry-after', member: 'retryAfterSeconds', most: maxRetryAfterSeconds },
  { name: 'tokens', member: 'tokens', most: maxTokens },
] as const;

function readNumbers(found: Map<string, string>): Omit<Controls, 'faults'> | { problem: string } {
  const read: Omit<Controls, 'faults'> = { parameters: {} };
  for (const { name, member, most } of numberControls) {
    const value = readNumber(found.get(name), most);
    if (value === 'invalid') {
      return { problem: `[[${name}=…]] takes a whole number up to ${most}` };
    }
    if (value !== undefined) {
      read[member] = value;
    }
  }
  for (const { name, member, most } of parameterControls) {
    const value = readNumber(found.get(name), most);
    if (value === 'invalid') {
      return { problem: `[[${name}=…]] takes a whole number up to ${most}` };
    }
    if (value !== undefined) {
      read.parameters[member] = value;
    }
  }
  return read;
}

function readNumber(text: string | undefined, most: number): number | 'invalid' | undefined {
  if (text === undefined) {
    return undefined;
  }
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : 'invalid';
}
