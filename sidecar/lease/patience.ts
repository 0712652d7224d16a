/** How long other holders have to give back, before a request that was denied asks again, and again. */
const recallPausesMs = [400, 800, 1600];
/** How often one asks that has waited as long as it may: what the operator says is left may be gone by then. */
const maxLateAsks = 5;
const askAgainMs = 25;
const longestPauseMs = 1000;

/** How often one waiting request has asked, and how long it waits before it does so again. */
export class Patience {
  #asks = 0;
  #lateAsks = 0;
  #recalls = 0;

  /** Whether other holders have had all the time they get. */
  get recalled(): boolean {
    return this.#recalls >= recallPausesMs.length;
  }

  /** How long to wait before the next ask: others may be faster each time, but not as fast as the network allows. */
  pauseMs(kind: 'ask' | 'askLater'): number {
    if (kind === 'askLater') return recallPausesMs[this.#recalls] ?? longestPauseMs;
    return this.#asks === 0 ? 0 : Math.min(longestPauseMs, askAgainMs * 2 ** this.#asks);
  }

  /** It is about to ask. False: it has done so often enough, being late. */
  mayAsk(late: boolean): boolean {
    if (late) this.#lateAsks += 1;
    return this.#lateAsks <= maxLateAsks;
  }

  /** It was answered. */
  noteAsked(kind: 'ask' | 'askLater'): void {
    this.#asks += 1;
    if (kind === 'askLater') this.#recalls += 1;
  }

  /** It has waited for requests under way. */
  noteWaited(): void {
    this.#asks = 0;
  }
}
