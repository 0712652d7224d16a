import { maxPollSeconds } from '../../accounting/configuration-messages.ts';
import type { Clock } from '../kube/clock.ts';

/** A sidecar asks for news again as soon as it has an answer; beyond its longest poll it may wait a little between attempts. */
const recentMs = (maxPollSeconds + 35) * 1000;
const defaultMaxPods = 65_536;

/** Which pods' sidecars have called this process lately. Bounded: the one that was silent longest is forgotten first. */
export class PodSightings {
  readonly #clock: Clock;
  readonly #maxPods: number;
  readonly #startedMs: number;
  /** By uid, last seen last. */
  readonly #seenMs = new Map<string, number>();

  constructor({ clock, maxPods = defaultMaxPods }: { clock: Clock; maxPods?: number }) {
    this.#clock = clock;
    this.#maxPods = maxPods;
    this.#startedMs = clock.nowMs();
  }

  /** The sidecar of this pod has called, and was known by its token. */
  note(uid: string): void {
    this.#seenMs.delete(uid);
    this.#seenMs.set(uid, this.#clock.nowMs());
    const [oldest] = this.#seenMs.keys();
    if (this.#seenMs.size > this.#maxPods && oldest !== undefined) this.#seenMs.delete(oldest);
  }

  hasReported(uid: string): boolean {
    const seenMs = this.#seenMs.get(uid);
    return seenMs !== undefined && this.#clock.nowMs() - seenMs <= recentMs;
  }

  /** Whether every sidecar that can call has had the time to: before that, silence means nothing. */
  get isComplete(): boolean {
    return this.#clock.nowMs() - this.#startedMs > recentMs;
  }
}
