import { isRecord } from '../record.ts';
import type { Price } from '../../accounting/price.ts';
import type { AnswerReport } from '../steps/settlement.ts';
import type { SseEvent } from './sse-splitter.ts';

/** What becomes of an event. `done`: it is the stream's last, to be sent after everything else. */
export type EventFate = { kind: 'pass'; raw: Buffer } | { kind: 'hide' } | { kind: 'done'; raw: Buffer };

/** What a meter is told. */
export interface StreamMeterOptions {
  readonly usageWanted: boolean;
  /** What an answer that ended with this report would be booked with; undefined while that is not known. */
  readonly priceOf?: (report: AnswerReport) => Price | undefined;
}

/** Reads the cost out of a stream that was made to tell it, and takes out again what the client did not ask for. */
export interface StreamMeter {
  /** What was told so far. */
  readonly report: AnswerReport;
  /** What a stream that broke or failed can be priced by: only what tells of the whole answer. */
  readonly brokenReport: AnswerReport;
  /** Whether the stream has told of an error. */
  readonly failed: boolean;
  /** What becomes of the next event. */
  read(event: SseEvent): EventFate;
}

/** An event with other data, its line ends as they were. */
export function rewritten({ raw }: SseEvent, data: string): Buffer {
  const lineEnd = raw.includes('\r\n') ? '\r\n' : '\n';
  return Buffer.from(`data: ${data.replaceAll('\n', '')}${lineEnd}${lineEnd}`);
}

/** The data of an event as a JSON object; undefined when it is none. */
export function parseChunk(data: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
