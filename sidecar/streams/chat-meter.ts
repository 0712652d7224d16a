import { hasContent } from '../content.ts';
import type { AnswerReport } from '../steps/settlement.ts';
import { scanChunk } from './chunk-scan.ts';
import type { SseEvent } from './sse-splitter.ts';
import {
  type EventFate,
  parseChunk,
  rewritten,
  type StreamMeter,
  type StreamMeterOptions,
} from './stream-meter.ts';

/**
 * Reads the cost out of a chat stream that was made to tell it, and takes out again what the client did not ask
 * for: the usage chunk, and `"usage": null` of the others.
 */
export class ChatMeter implements StreamMeter {
  readonly #usageWanted: boolean;
  #usage: unknown;
  #finalUsage: unknown;
  #hasContent = false;
  #failed = false;

  constructor({ usageWanted }: StreamMeterOptions) {
    this.#usageWanted = usageWanted;
  }

  /** The last usage seen, whichever chunk had it. */
  get report(): AnswerReport {
    return { usage: this.#usage, hasContent: this.#hasContent };
  }

  /** Only the usage that came in a chunk of its own, after all choices: what counts along the way is too low. */
  get brokenReport(): AnswerReport {
    return { usage: this.#finalUsage, hasContent: this.#hasContent };
  }

  /** Whether the stream has told of an error. */
  get failed(): boolean {
    return this.#failed;
  }

  read(event: SseEvent): EventFate {
    return (this.#hasContent ? this.#readQuiet(event) : undefined) ?? this.#readWhole(event);
  }

  /** What an event needs that tells nothing new, which most do; undefined for one that may. */
  #readQuiet({ raw }: SseEvent): EventFate | undefined {
    const scan = scanChunk(raw);
    if (scan === undefined) return undefined;
    return { kind: 'pass', raw: this.#usageWanted ? raw : scan.withoutUsage };
  }

  #readWhole(event: SseEvent): EventFate {
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

function withoutUsage(event: SseEvent, data: string, { usage, ...rest }: Record<string, unknown>): Buffer {
  const isNull = usage === null && nullUsageAtEnd.test(data);
  const text = isNull ? data.replace(nullUsageAtEnd, '}') : JSON.stringify(rest);
  return rewritten(event, text);
}
