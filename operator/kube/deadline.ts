/** A time limit joined with the caller's signal, which outlives it: the listener has to be taken off again. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #forward = (): void => this.#controller.abort(this.#outer?.reason);

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#timer = setTimeout(() => this.#controller.abort(new DeadlineError(ms)), ms);
    outer?.addEventListener('abort', this.#forward, { once: true });
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#forward);
  }
}

/** The time limit was reached. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  constructor(ms: number) {
    super(`no complete answer within ${ms} ms`);
  }
}
