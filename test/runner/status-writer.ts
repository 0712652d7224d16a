import { backOffMs, type Clock, pause } from '../../operator/kube/clock.ts';

const backOff = { baseMs: 200, maxMs: 10_000 };

/** Writes a state again whenever it has changed: one write at a time, several changes at once, failures repeated. */
export class StatusWriter {
  readonly #write: () => Promise<'written' | 'gone'>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #onFailure: (error: unknown) => void;
  #isDirty = false;
  #isGone = false;
  #writing: Promise<void> | undefined;

  constructor(options: {
    /** Writes the state of that moment; `gone` if there is nothing to write to any more. */
    write: () => Promise<'written' | 'gone'>;
    clock: Clock;
    signal: AbortSignal;
    onFailure: (error: unknown) => void;
  }) {
    this.#write = options.write;
    this.#clock = options.clock;
    this.#signal = options.signal;
    this.#onFailure = options.onFailure;
  }

  /** The state has changed. */
  changed(): void {
    this.#isDirty = true;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when the last change is written, or cannot be any more. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Changes of the same moment belong together.
    await Promise.resolve();
    for (let failures = 0; this.#isDirty && !this.#isGone && !this.#signal.aborted;) {
      this.#isDirty = false;
      try {
        this.#isGone = (await this.#write()) === 'gone';
        failures = 0;
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#isDirty = true;
        failures += 1;
        this.#onFailure(error);
        await pause(this.#clock, backOffMs(failures, backOff), this.#signal);
      }
    }
  }
}
