/** Work that goes on beside everything else. One that fails ends the whole program: nobody would notice otherwise. */
export class Tasks {
  readonly #running = new Map<Promise<void>, string>();
  readonly #onFailed: (name: string, error: unknown) => void;

  constructor({ onFailed }: { onFailed: (name: string, error: unknown) => void }) {
    this.#onFailed = onFailed;
  }

  /** Owns the task from now on. */
  own(name: string, task: Promise<unknown>): void {
    const owned: Promise<void> = task.then(
      () => undefined,
      (error: unknown) => this.#onFailed(name, error),
    );
    this.#running.set(owned, name);
    void owned.finally(() => this.#running.delete(owned));
  }

  /** Resolves when nothing runs any more. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.keys());
  }
}
