const firstPauseMs = 2_000;
const maxPauseMs = 30_000;

/**
 * Which of the operator's replicas this pod's calls go to: the one the operator named, while it answers. It is a hint that
 * saves writes and lets recalls arrive; every other replica serves just as well.
 */
export class Home {
  readonly #nowMs: () => number;
  #origin: string | undefined;
  #pausedUntilMs = 0;
  #pauseMs = firstPauseMs;
  #here = new AbortController();

  /** @param nowMs monotonic */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** What it was named as last, empty for none: the operator says when that is not so any more. */
  get told(): string {
    return this.#origin ?? '';
  }

  /** The home to call now, and what ends a call that nobody answers there; undefined: call any replica. */
  get current(): { origin: string; left: AbortSignal } | undefined {
    if (this.#origin === undefined || this.#nowMs() < this.#pausedUntilMs) return undefined;
    return { origin: this.#origin, left: this.#here.signal };
  }

  /** How long (ms) other replicas are called in its place; undefined: there is no home, or it is called. */
  get awayMs(): number | undefined {
    const leftMs = this.#pausedUntilMs - this.#nowMs();
    return this.#origin === undefined || leftMs <= 0 ? undefined : leftMs;
  }

  /** The operator names another one, or none. */
  move(origin: string | undefined): void {
    if (origin === this.#origin) return;
    this.#leave();
    this.#origin = origin;
    this.#pausedUntilMs = 0;
    this.#pauseMs = firstPauseMs;
  }

  /** It has answered. */
  answered(origin: string): void {
    if (origin === this.#origin) this.#pauseMs = firstPauseMs;
  }

  /** It has not: calls under way there end, and none goes there for a while. */
  failed(origin: string): void {
    if (origin !== this.#origin || this.#nowMs() < this.#pausedUntilMs) return;
    this.#pausedUntilMs = this.#nowMs() + this.#pauseMs;
    this.#pauseMs = Math.min(maxPauseMs, this.#pauseMs * 2);
    this.#leave();
  }

  #leave(): void {
    this.#here.abort(new Error('the home is another replica'));
    this.#here = new AbortController();
  }
}
