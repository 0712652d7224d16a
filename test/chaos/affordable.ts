import { setTimeout as pause } from 'node:timers/promises';
import { type Scene, spendable } from './scene.ts';

/** How often it is looked while traffic runs. */
const everyMs = 400;
/** As far back as any request may have begun. */
const maxSamples = 1_000;

/** What could have been spent while a request was decided about, by the sidecars' own figures. */
export class Affordable {
  readonly #scene: Scene;
  #samples: { atMs: number; amount: bigint | undefined }[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Looks again and again until the signal fires. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await pause(everyMs);
    }
  }

  async look(): Promise<void> {
    const atMs = performance.now();
    const amount = await spendable(this.#scene);
    this.#samples = [...this.#samples.slice(1 - maxSamples), { atMs, amount }];
  }

  /**
   * The least there was from that time until now (exact CU): what came back only after a refusal could not have been
   * spent. Undefined where a sidecar did not answer meanwhile.
   */
  async leastSince(sinceMs: number): Promise<bigint | undefined> {
    await this.look();
    const first = Math.max(
      0,
      this.#samples.findLastIndex(({ atMs }) => atMs <= sinceMs),
    );
    let least: bigint | undefined;
    for (const { amount } of this.#samples.slice(first)) {
      if (amount === undefined) return undefined;
      if (least === undefined || amount < least) least = amount;
    }
    return least;
  }
}
