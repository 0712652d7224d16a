/** Why reading an answer was given up. */
export type ReadOnEnd = 'read_bound' | 'stopped';

/** All answers that are being read; `stopped` ends their reading at once: the process is about to end. */
export class ReadOns {
  readonly #ms: number;
  readonly #stopped: AbortSignal;
  /** One listener for all: with one each, every request would have to pass those of all others. */
  readonly #open = new Set<ReadOn>();

  /** `ms`: for how long an answer is read on after its client has left. */
  constructor({ stopped, ms }: { stopped: AbortSignal; ms: number }) {
    this.#ms = ms;
    this.#stopped = stopped;
    stopped.addEventListener('abort', () => {
      for (const readOn of this.#open) readOn.giveUp('stopped');
    });
  }

  /** Begins to watch over an answer for a client; `gone`: aborted when that leaves. */
  begin(gone: AbortSignal): ReadOn {
    const readOn = new ReadOn({ gone, ms: this.#ms, onDispose: () => this.#open.delete(readOn) });
    this.#open.add(readOn);
    if (this.#stopped.aborted) readOn.giveUp('stopped');
    return readOn;
  }
}

/** Goes on reading for a bounded time after the client has left, so that the answer's cost is learnt. */
export class ReadOn {
  readonly #controller = new AbortController();
  readonly #onDispose: () => void;
  #timer: NodeJS.Timeout | undefined;
  #end: ReadOnEnd | undefined;
  #disposed = false;

  constructor({ gone, ms, onDispose }: { gone: AbortSignal; ms: number; onDispose: () => void }) {
    this.#onDispose = onDispose;
    const startClock = () => {
      if (!this.#disposed) this.#timer = setTimeout(() => this.giveUp('read_bound'), ms);
    };
    // Lives as long as the request; so does the listener.
    if (gone.aborted) startClock();
    else gone.addEventListener('abort', startClock);
  }

  /** Aborts the call to SAP. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the signal was aborted; undefined while it is not. */
  get end(): ReadOnEnd | undefined {
    return this.#end;
  }

  giveUp(end: ReadOnEnd): void {
    this.#end ??= end;
    this.#controller.abort(new Error(`reading the answer was given up: ${end}`));
  }

  /** The answer has been read. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#onDispose();
  }
}
