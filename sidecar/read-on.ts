/** Why reading an answer was given up. */
export type ReadOnEnd = 'read_bound' | 'stopped';

/** Goes on reading for a bounded time after the client has left, so that the answer's cost is learnt. */
export class ReadOn {
  readonly #controller = new AbortController();
  readonly #gone: AbortSignal;
  readonly #stopped: AbortSignal;
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;
  #end: ReadOnEnd | undefined;

  /** `stopped` ends the reading at once: the process is about to end. */
  constructor(options: { gone: AbortSignal; stopped: AbortSignal; ms: number }) {
    this.#gone = options.gone;
    this.#stopped = options.stopped;
    this.#ms = options.ms;
    this.#gone.addEventListener('abort', this.#startClock, { once: true });
    this.#stopped.addEventListener('abort', this.#stop, { once: true });
    if (this.#gone.aborted) this.#startClock();
    if (this.#stopped.aborted) this.#stop();
  }

  /** Aborts the call to SAP. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the signal was aborted; undefined while it is not. */
  get end(): ReadOnEnd | undefined {
    return this.#end;
  }

  /** The answer has been read. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#gone.removeEventListener('abort', this.#startClock);
    this.#stopped.removeEventListener('abort', this.#stop);
  }

  readonly #startClock = () => {
    this.#timer = setTimeout(() => this.#giveUp('read_bound'), this.#ms);
  };

  readonly #stop = () => this.#giveUp('stopped');

  #giveUp(end: ReadOnEnd): void {
    this.#end ??= end;
    this.#controller.abort(new Error(`reading the answer was given up: ${end}`));
  }
}
