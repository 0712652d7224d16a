import { isRecord } from './record.ts';

/** Whether any choice of an answer or stream chunk holds text or a tool call. */
export function hasContent(choices: unknown): boolean {
  return Array.isArray(choices) && choices.some((choice) => isRecord(choice) && saysSomething(choice));
}

function saysSomething(choice: Record<string, unknown>): boolean {
  const message = choice['message'] ?? choice['delta'];
  if (!isRecord(message)) return false;
  return ['content', 'tool_calls', 'function_call', 'refusal'].some((member) => isFilled(message[member]));
}

function isFilled(value: unknown): boolean {
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return isRecord(value);
}
