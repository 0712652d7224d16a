import type { RecallRound } from '../../accounting/messages.ts';

/** How often one asks that has waited as long as it may: what the operator says is left may be gone by then. */
const maxLateAsks = 5;
const askAgainMs = 25;
const longestPauseMs = 1000;

/** How often one waiting request has asked, and what it was told. */
export class Patience {
  #asks = 0;
  #lateAsks = 0;
  #recalled = false;

  /** Whether a recall round has ended for this request since it last waited for others of its own pod. */
  get recalled(): boolean {
    return this.#recalled;
  }

  /** How long to wait before the next ask: others may be faster each time, but not as fast as the network allows. */
  get pauseMs(): number {
    return this.#asks === 0 ? 0 : Math.min(longestPauseMs, askAgainMs * 2 ** (this.#asks - 1));
  }

  /** It is about to ask. False: it has done so often enough, being late. */
  mayAsk(late: boolean): boolean {
    if (late) this.#lateAsks += 1;
    return this.#lateAsks <= maxLateAsks;
  }

  /** It was answered. An ask that waits is paced by its rounds. */
  noteAnswered({ waits, round }: { waits: boolean; round: RecallRound | undefined }): void {
    if (round !== undefined) this.#recalled = true;
    if (!waits || round === undefined) this.#asks += 1;
  }

  /** It has waited for requests under way. */
  noteWaited(): void {
    this.#asks = 0;
    this.#recalled = false;
  }
}
