import type { ProxyError } from './proxy-error.ts';

/** One refusal, as the status page shows it. */
export interface Denial {
  readonly at: string;
  readonly requestId: string;
  readonly reason: string;
  readonly message: string;
}

const kept = 20;

/** The last refusals, for people who ask why. */
export class Denials {
  readonly #last: Denial[] = [];

  note(error: ProxyError, { requestId, nowMs }: { requestId: string; nowMs: number }): void {
    const { reason, message } = error;
    this.#last.unshift({ at: new Date(nowMs).toISOString(), requestId, reason, message });
    this.#last.length = Math.min(this.#last.length, kept);
  }

  /** Newest first. */
  get last(): readonly Denial[] {
    return this.#last;
  }
}
