import type { Clock } from '../../operator/kube/clock.ts';

/** A clock that only moves when a test says so. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #timers: { dueMs: number; run: () => void }[] = [];

  constructor(nowMs = Date.UTC(2026, 10, 1)) {
    this.#nowMs = nowMs;
  }
  nowMs(): number {
    return this.#nowMs;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.#nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  /** Timers that have not fired and were not cancelled. */
  get pending(): number {
    return this.#timers.length;
  }
  /** Moves on, firing timers in their order, those that they start themselves included. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      const timer = next;
      this.#nowMs = timer.dueMs;
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.run();
    }
    this.#nowMs = endMs;
  }

  #nextUntil(endMs: number): { dueMs: number; run: () => void } | undefined {
    const due = this.#timers.filter(({ dueMs }) => dueMs <= endMs);
    return due.sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}
