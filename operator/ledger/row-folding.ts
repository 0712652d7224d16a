import type { Clock } from '../kube/clock.ts';

/** A holder as its row names it: `pod:<uid>` and `<namespace>/<pod name>`. */
export interface Holder {
  key: string;
  name: string;
}

/** A ledger with rows that may be folded. */
export interface FoldingBook {
  /** Holders of whom all is known, as far as the ledger has more rows than it should. */
  closedOut(nowMs: number): readonly Holder[];
  /** Folds the rows of holders that can never send a message again. */
  fold(keys: readonly string[], nowMs: number): Promise<void>;
}

/** Pods that are looked for in one round of one ledger: each is one read of the API server. */
const maxLooks = 250;
/** How long a pod that was there is not looked for again. */
const aliveMs = 3_600_000;
/** Pods that are remembered as alive. */
const maxAlive = 16_384;

/** Finds rows of pods that are gone, so that a ledger has room for those that are there. */
export class RowFolding {
  readonly #clock: Clock;
  readonly #isGone: (holder: Holder) => Promise<boolean>;
  readonly #aliveUntil = new Map<string, number>();

  /** `isGone`: whether this pod can never send a message again; rejects when nobody can say. */
  constructor({ clock, isGone }: { clock: Clock; isGone: (holder: Holder) => Promise<boolean> }) {
    this.#clock = clock;
    this.#isGone = isGone;
  }

  /** One round over a ledger. Rejects when a pod cannot be read or the ledger not be written; the next round is another. */
  async fold(book: FoldingBook): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const candidates = book.closedOut(nowMs).filter(({ key }) => (this.#aliveUntil.get(key) ?? 0) <= nowMs);
    const gone: string[] = [];
    for (const holder of candidates.slice(0, maxLooks))
      if (await this.#isGone(holder)) gone.push(holder.key);
      else this.#noteAlive(holder.key, nowMs);
    if (gone.length > 0) await book.fold(gone, nowMs);
  }

  #noteAlive(key: string, nowMs: number): void {
    this.#aliveUntil.delete(key);
    this.#aliveUntil.set(key, nowMs + aliveMs);
    const [oldest] = this.#aliveUntil.keys();
    if (this.#aliveUntil.size > maxAlive && oldest !== undefined) this.#aliveUntil.delete(oldest);
  }
}
