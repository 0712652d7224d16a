import { EndpointError } from './errors.ts';

/** Bounds how many calls of one caller are served at the same time. */
export class CallsUnderWay {
  readonly #most: number;
  readonly #count = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Runs the call unless that many are under way for its key: EndpointError `busy`. */
  async run<T>(key: string, call: () => Promise<T>): Promise<T> {
    const count = this.#count.get(key) ?? 0;
    if (count >= this.#most) throw new EndpointError('busy');
    this.#count.set(key, count + 1);
    try {
      return await call();
    } finally {
      this.#leave(key);
    }
  }

  #leave(key: string): void {
    const count = (this.#count.get(key) ?? 1) - 1;
    if (count === 0) this.#count.delete(key);
    else this.#count.set(key, count);
  }
}
