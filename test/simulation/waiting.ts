import type { NanoCu } from '../../accounting/amount.ts';
import { idle } from '../../accounting/lease.ts';
import { freshMs } from '../../sidecar/lease/courier.ts';
import type { Move } from '../../sidecar/lease/next-move.ts';
import { nextMove } from '../../sidecar/lease/next-move.ts';
import { Patience } from '../../sidecar/lease/patience.ts';
import type { Holder } from './holder.ts';

/** How long a request may wait for its reservation. */
const waitMs = 5000;
const requestsPerGrant = 8n;

/** Before the first answer. */
const nothingTold = {
  figuresAtMs: Number.NEGATIVE_INFINITY,
  returned: 0n,
  figures: { grantable: 0n },
  overdrawn: 0n,
  round: undefined,
};

/** A request that is first in its holder's line. Times are monotonic. */
export class Waiter {
  readonly amount: NanoCu;
  readonly smallest: NanoCu;
  readonly arrivedMs: number;
  /** By the true time. */
  readonly cameMs: number;
  readonly #holder: Holder;
  readonly #patience = new Patience();
  #notBeforeMs: number;
  /** The ask that waits for its answer, and whether that one comes only after a recall round. */
  #asked: { waits: boolean } | undefined;

  constructor(
    wish: { amount: NanoCu; smallest: NanoCu },
    { holder, nowMs, cameMs }: { holder: Holder; nowMs: number; cameMs: number },
  ) {
    this.amount = wish.amount;
    this.smallest = wish.smallest;
    this.#holder = holder;
    this.arrivedMs = nowMs;
    this.cameMs = cameMs;
    this.#notBeforeMs = nowMs;
  }

  /** What production would do for this request now. */
  move(nowMs: number, contested: boolean): Move {
    const { lease, last = nothingTold, roundBeganAtMs } = this.#holder;
    if (nowMs < this.#notBeforeMs || this.#holder.pending) return { kind: 'wait' };
    this.#noteAnswered(nowMs);
    const wish = {
      amount: this.amount,
      smallest: this.smallest,
      lower: (affordable: NanoCu) => (affordable >= this.smallest ? affordable : undefined),
    };
    const move = nextMove(wish, {
      idle: idle(lease),
      reserved: lease.reserved,
      grantable: last.figures.grantable,
      overdrawn: last.overdrawn,
      contested,
      recalled: this.#patience.recalled || nowMs - roundBeganAtMs < freshMs,
      fresh: nowMs - last.figuresAtMs < freshMs && last.returned === lease.returned,
      alive: this.#holder.aliveAt(nowMs),
      late: nowMs >= this.arrivedMs + waitMs,
      requestsPerGrant,
    });
    if (move.kind === 'wait') this.#patience.noteWaited();
    return move;
  }

  /** An ask leaves. False: it has asked often enough. */
  mayAsk(waits: boolean, nowMs: number): boolean {
    this.#asked = { waits };
    return this.#patience.mayAsk(nowMs >= this.arrivedMs + waitMs);
  }

  #noteAnswered(nowMs: number): void {
    if (!this.#asked) return;
    this.#patience.noteAnswered({ ...this.#asked, round: this.#holder.last?.round });
    this.#asked = undefined;
    this.#notBeforeMs = nowMs + this.#patience.pauseMs;
  }
}
