import type { Clock } from './kube/clock.ts';

/**
 * The API server's time, as far as it is known here: the machine's clock, corrected by what the server said last. Which
 * period is spent from must not depend on the clock of the node the operator happens to run on.
 */
export class ServerClock implements Clock {
  readonly #machine: Clock;
  #offsetMs = 0;

  constructor(machine: Clock) {
    this.#machine = machine;
  }

  nowMs(): number {
    return this.#machine.nowMs() + this.#offsetMs;
  }
  after(ms: number, run: () => void): () => void {
    return this.#machine.after(ms, run);
  }

  /**
   * Takes over the server's time, asked by `ask`; gives the difference in ms. The server says whole seconds, so a
   * difference below that is none.
   */
  async correct(ask: () => Promise<Date>): Promise<number> {
    const askedMs = this.#machine.nowMs();
    const server = (await ask()).getTime();
    const early = server - this.#machine.nowMs();
    const late = server + 999 - askedMs;
    // The server's time lies between both: only what contradicts the machine's clock is corrected.
    if (early > 0) this.#offsetMs = early;
    else if (late < 0) this.#offsetMs = late;
    else this.#offsetMs = 0;
    return this.#offsetMs;
  }
}
