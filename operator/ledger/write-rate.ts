import type { Clock } from '../kube/clock.ts';
import { pause } from '../kube/clock.ts';

/** What etcd takes for good: it keeps every revision for minutes, and its default quota is 2 GiB. */
const defaultBytesPerSecond = 256 * 1024;
/** What may be written at once after a quiet time. */
const defaultBurstBytes = 1024 * 1024;

/** What can wait waits for as long as this, and looks as often, for a time in which nobody else writes. */
const longestSpareWaitMs = 200;
const mostSpareWaits = 20;

/** Keeps the writes of all ledgers together below what etcd takes. Who is over waits; nobody is refused. */
export class WriteRate {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #burstBytes: number;
  #credit: number;
  #atMs: number;

  constructor({
    clock,
    bytesPerSecond = defaultBytesPerSecond,
    burstBytes = defaultBurstBytes,
  }: {
    clock: Clock;
    bytesPerSecond?: number;
    burstBytes?: number;
  }) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#burstBytes = burstBytes;
    this.#credit = burstBytes;
    this.#atMs = clock.nowMs();
  }

  /** Resolves when that many bytes may be written, or when the signal fires. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    this.correct(bytes);
    if (this.#credit < 0) await pause(this.#clock, (-this.#credit / this.#bytesPerSecond) * 1000, signal);
  }

  /**
   * Resolves when that many bytes may be written without keeping anybody waiting; after a fifth of a second in any case,
   * because it makes what others write shorter.
   */
  async takeSpare(bytes: number, signal: AbortSignal): Promise<void> {
    const untilMs = this.#clock.nowMs() + longestSpareWaitMs;
    for (let lap = 0; lap < mostSpareWaits; lap += 1) {
      this.correct(0);
      const missing = Math.min(bytes, this.#burstBytes) - this.#credit;
      const leftMs = untilMs - this.#clock.nowMs();
      if (missing <= 0 || leftMs <= 0 || signal.aborted) break;
      await pause(this.#clock, Math.min(leftMs, (missing / this.#bytesPerSecond) * 1000), signal);
    }
    await this.take(bytes, signal);
  }

  /** So many bytes more are written than were taken, or fewer where it is below zero. */
  correct(bytes: number): void {
    const nowMs = this.#clock.nowMs();
    // A clock that was set back must not take credit away.
    const gained = (Math.max(0, nowMs - this.#atMs) / 1000) * this.#bytesPerSecond;
    this.#atMs = nowMs;
    this.#credit = Math.min(this.#burstBytes, this.#credit + gained) - bytes;
  }
}
