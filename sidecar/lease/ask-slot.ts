import type { Ask, RecallRound } from '../../accounting/messages.ts';
import type { LeaseError } from './lease-error.ts';
import { silent } from './refusals.ts';

/** An ask that waits to be sent, or for its answer. */
export interface PendingAsk {
  readonly ask: Ask;
  /** It was answered; with the recall round that has ended for it, if the answer tells of one. */
  readonly done: (round: RecallRound | undefined) => void;
}

/** The one ask of a lease that may be under way: that of the request which is first in line. */
export class AskSlot {
  #pending: (PendingAsk & { failed: (error: LeaseError) => void }) | undefined;

  get pending(): PendingAsk | undefined {
    return this.#pending;
  }

  /**
   * Waits until the ask is answered, or not needed any more; `onStart` is given the function that says so.
   *
   * @throws LeaseError when that takes longer than `limitMs`, or by `fail`
   */
  async run(
    ask: Ask,
    { limitMs, onStart }: { limitMs: number; onStart: (end: () => void) => () => void },
  ): Promise<RecallRound | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<RecallRound | undefined>();
    this.#pending = { ask, done: resolve, failed: reject };
    const timer = setTimeout(() => reject(silent()), limitMs);
    const cleanUp = onStart(() => resolve(undefined));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      cleanUp();
      this.#pending = undefined;
    }
  }

  fail(error: LeaseError): void {
    this.#pending?.failed(error);
  }
}
