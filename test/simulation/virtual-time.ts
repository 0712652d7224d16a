/** A timer of somebody who may be stopped or paused. */
interface Timer {
  owner: object;
  atMs: number;
  run: () => void;
}

/** The one true time, which nobody in the world can read: everybody has a clock of their own that may be wrong. */
export class VirtualTime {
  nowMs: number;
  #timers: Timer[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** Runs once after that time, unless its owner is gone by then; the result cancels it. */
  after(owner: object, ms: number, run: () => void): () => void {
    const timer = { owner, atMs: this.nowMs + Math.max(0, ms), run };
    this.#timers.push(timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** Timers of somebody who has ended never run. */
  forget(owner: object): void {
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** Runs what is due of those who can run, in order. True when there was something. */
  runDue(canRun: (owner: object) => boolean): boolean {
    const due = this.#timers.filter(({ atMs, owner }) => atMs <= this.nowMs && canRun(owner));
    if (due.length === 0) return false;
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { run } of due.sort((a, b) => a.atMs - b.atMs)) run();
    return true;
  }
}
