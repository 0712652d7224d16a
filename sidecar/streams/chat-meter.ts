import { hasContent } from '../steps/answer-json.ts';
import type { SseEvent } from './sse-splitter.ts';

/** What becomes of an event. `done`: it is the stream's last, to be sent after everything else. */
export type EventFate = { kind: 'pass'; raw: Buffer } | { kind: 'hide' } | { kind: 'done'; raw: Buffer };

/**
 * Reads the cost out of a chat stream that was made to tell it, and takes out again what the client did not ask
 * for: the usage chunk, and `"usage": null` of the others.
 */
export class ChatMeter {
  readonly #usageWanted: boolean;
  #usage: unknown;
  #finalUsage: unknown;
  #hasContent = false;
  #failed = false;

  constructor({ usageWanted }: { usageWanted: boolean }) {
    this.#usageWanted = usageWanted;
  }

  /** The last usage seen, whichever chunk had it. */
  get usage(): unknown {
    return this.#usage;
  }

  /** The usage that came in a chunk of its own, after all choices: the only one that a broken stream can be priced by. */
  get finalUsage(): unknown {
    return this.#finalUsage;
  }

  get hasContent(): boolean {
    return this.#hasContent;
  }

  /** Whether the stream has told of an error. */
  get failed(): boolean {
    return this.#failed;
  }

  read(event: SseEvent): EventFate {
    const { raw, data } = event;
    if (data === undefined) return { kind: 'pass', raw };
    if (data === '[DONE]') return { kind: 'done', raw };
    const chunk = parseChunk(data);
    if (chunk === undefined) return { kind: 'pass', raw };
    this.#note(chunk);
    if (this.#usageWanted || !('usage' in chunk)) return { kind: 'pass', raw };
    if (isUsageChunk(chunk)) return { kind: 'hide' };
    return { kind: 'pass', raw: withoutUsage(event, data, chunk) };
  }

  #note(chunk: Record<string, unknown>): void {
    const { usage, error, choices } = chunk;
    if (usage !== undefined && usage !== null) this.#usage = usage;
    if (isUsageChunk(chunk)) this.#finalUsage = usage;
    if (typeof error === 'object' && error !== null) this.#failed = true;
    this.#hasContent ||= hasContent(choices);
  }
}

function parseChunk(data: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The chunk that is there for usage alone; the first chunk, of content filters, has no choices either. */
function isUsageChunk({ usage, choices, ...rest }: Record<string, unknown>): boolean {
  return (
    usage !== undefined &&
    usage !== null &&
    Array.isArray(choices) &&
    choices.length === 0 &&
    !('prompt_filter_results' in rest)
  );
}

/** A member at the very end of the text belongs to the outermost object: cut out, all else stays as it came. */
const nullUsageAtEnd = /,\s*"usage"\s*:\s*null\s*\}\s*$/;

function withoutUsage({ raw }: SseEvent, data: string, { usage, ...rest }: Record<string, unknown>): Buffer {
  const isNull = usage === null && nullUsageAtEnd.test(data);
  const text = isNull ? data.replace(nullUsageAtEnd, '}') : JSON.stringify(rest);
  const lineEnd = raw.includes('\r\n') ? '\r\n' : '\n';
  return Buffer.from(`data: ${text.replaceAll('\n', '')}${lineEnd}${lineEnd}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
