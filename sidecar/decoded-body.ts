import type { Transform } from 'node:stream';
import type { AnswerBody, BodyReader } from './answer-body.ts';

/** A body whose encoding is undone by one of Node's decoders. */
export class DecodedBody implements AnswerBody {
  readonly #body: AnswerBody;
  readonly #decoder: Transform;

  constructor(body: AnswerBody, decoder: Transform) {
    this.#body = body;
    this.#decoder = decoder;
  }

  read(reader: BodyReader): void {
    const decoder = this.#decoder;
    decoder.on('data', (chunk: Buffer) => reader.data(chunk));
    decoder.once('end', () => reader.end());
    // Also for what is not encoded as its headers say.
    decoder.once('error', (cause) => {
      this.abandon();
      reader.fail(cause);
    });
    this.#body.read({
      data: (chunk) => {
        if (decoder.write(chunk)) return;
        this.#body.pause();
        decoder.once('drain', () => this.#body.resume());
      },
      end: () => decoder.end(),
      fail: (cause) => decoder.destroy(cause instanceof Error ? cause : new Error(String(cause))),
    });
  }

  /** What is not read from the decoder soon fills it, and that pauses the body. */
  pause(): void {
    this.#decoder.pause();
  }

  resume(): void {
    this.#decoder.resume();
  }

  abandon(): void {
    this.#decoder.removeAllListeners('data').removeAllListeners('end');
    this.#body.abandon();
  }
}
