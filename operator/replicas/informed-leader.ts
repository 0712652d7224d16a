import type { Leadership } from './leadership.ts';

/**
 * An elected leader that leads only once it has read anew, in this term, what a leader goes by: a cache that is behind
 * would undo what a former leader has done.
 */
export class InformedLeader implements Leadership {
  readonly #elected: Leadership;
  #informedTerm = 0;

  constructor(elected: Leadership) {
    this.#elected = elected;
  }

  get term(): number {
    return this.#elected.term;
  }

  leads = (): boolean => this.#elected.leads() && this.#informedTerm === this.#elected.term;

  /** Reads, and leads from then on for the rest of this term; does not where the signal fires before. */
  async inform(read: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { term } = this.#elected;
    const { promise: fired, resolve } = Promise.withResolvers<void>();
    const fire = (): void => resolve();
    if (signal.aborted) return;
    signal.addEventListener('abort', fire, { once: true });
    await Promise.race([read(), fired]);
    signal.removeEventListener('abort', fire);
    if (!signal.aborted) this.#informedTerm = term;
  }
}
