import { ProxyError } from './proxy-error.ts';

/** The part of the memory for bodies that one request has; disposing of it gives it back. */
export interface BodyRoom extends Disposable {
  /**
   * Counts bytes that are kept from now on.
   *
   * @throws ProxyError `too_many_bodies`
   */
  add(bytes: number): void;
}

/** Bounds what the bodies of all requests under way take together. */
export class Bodies {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of all bodies that are kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  hold(): BodyRoom {
    let held = 0;
    return {
      add: (bytes) => {
        if (this.#bytes + bytes > this.#maxBytes)
          throw new ProxyError(
            'too_many_bodies',
            `requests under way have more than ${this.#maxBytes} bytes of bodies together: send fewer at once`,
          );
        held += bytes;
        this.#bytes += bytes;
      },
      [Symbol.dispose]: () => {
        this.#bytes -= held;
        held = 0;
      },
    };
  }
}
