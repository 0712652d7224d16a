import { inspect } from 'node:util';

const shown = '[redacted]';

/** A secret that shows itself neither in logs, nor in JSON, nor in templates; `reveal` is the only way to it. */
export class SecretText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The secret itself, to be sent to whom it is for. */
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return shown;
  }
  toJSON(): string {
    return shown;
  }
  [inspect.custom](): string {
    return shown;
  }
}
