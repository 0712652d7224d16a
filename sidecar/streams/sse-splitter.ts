/** One event of a stream as it came. */
export interface SseEvent {
  /** Its bytes, the empty line that ends it included. */
  readonly raw: Buffer;
  /** The text of its `data` lines; undefined when it has none (a comment, a keep-alive). */
  readonly data: string | undefined;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Cuts a byte stream into server-sent events. Works on bytes, so that chunks may end within a character, a line or
 * a line end; lines end with LF or CRLF.
 */
export class SseSplitter {
  readonly #maxEventBytes: number;
  #pending: Buffer = Buffer.alloc(0);
  /** Where the line begins that is not complete yet. */
  #lineStart = 0;
  /** Up to where that line has been searched for its end. */
  #searched = 0;

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes;
  }

  /**
   * The events that are complete with this chunk.
   *
   * @throws RangeError when an event is longer than allowed
   */
  push(chunk: Buffer): SseEvent[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const events: SseEvent[] = [];
    for (let end = this.#nextLineEnd(); end >= 0; end = this.#nextLineEnd()) {
      const isEmpty =
        end === this.#lineStart || (end === this.#lineStart + 1 && this.#pending[end - 1] === carriageReturn);
      if (isEmpty) events.push(this.#cut(end + 1));
      else this.#lineStart = end + 1;
      this.#searched = this.#lineStart;
    }
    this.#searched = this.#pending.length;
    if (this.#pending.length > this.#maxEventBytes)
      throw new RangeError('an event of the stream is too long');
    return events;
  }

  /** What is left when the stream has ended: an event without the empty line after it, or nothing. */
  flush(): SseEvent | undefined {
    return this.#pending.length === 0 ? undefined : this.#cut(this.#pending.length);
  }

  #nextLineEnd(): number {
    return this.#pending.indexOf(lineFeed, Math.max(this.#searched, this.#lineStart));
  }

  #cut(end: number): SseEvent {
    const raw = this.#pending.subarray(0, end);
    this.#pending = this.#pending.subarray(end);
    this.#lineStart = 0;
    return new CutEvent(raw);
  }
}

/** Decoded only when asked for: most events pass unread. */
class CutEvent implements SseEvent {
  readonly raw: Buffer;

  constructor(raw: Buffer) {
    this.raw = raw;
  }

  get data(): string | undefined {
    return dataOf(this.raw.toString('utf8'));
  }
}

function dataOf(text: string): string | undefined {
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.replace(/^data: ?/, '').replace(/\r$/, ''));
  return lines.length === 0 ? undefined : lines.join('\n');
}
