import type { SseEvent } from './sse-splitter.ts';
import type { EventFate, StreamMeter } from './stream-meter.ts';

/** For APIs that do not stream: should a stream come all the same, it passes, and what it cost is not known. */
export class PassingMeter implements StreamMeter {
  readonly report = {};
  readonly brokenReport = {};
  readonly failed = false;

  read({ raw, data }: SseEvent): EventFate {
    return data === '[DONE]' ? { kind: 'done', raw } : { kind: 'pass', raw };
  }
}
