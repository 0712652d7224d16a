/** Takes a body as it arrives: `data` any number of times, then either `end` or `fail`, once. */
export interface BodyReader {
  data(chunk: Buffer): void;
  end(): void;
  fail(cause: unknown): void;
}

/** A body that arrives. No stream of Node's: one costs more than all that is done with a small answer. */
export interface AnswerBody {
  /** Hands on what has arrived and what will. To be called once, in the turn in which the head was told. */
  read(reader: BodyReader): void;
  /** Lets no more arrive until `resume`, but for what has been received already. */
  pause(): void;
  resume(): void;
  /** Ends the call; its reader is told nothing more. */
  abandon(): void;
}
