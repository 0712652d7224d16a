import type { NanoCu } from '../../accounting/amount.ts';
import type { Clock } from '../kube/clock.ts';

/** An ask that comes so soon after another one is for more. */
const soonMs = 10_000;
/** How many times what is missing is asked for: at first, and at most. */
const firstFactor = 8n;
const greatestFactor = 1024n;

/** How much a ledger asks its parent for: more than what is missing, so that the next requests find some. */
export class AskSize {
  readonly #clock: Pick<Clock, 'nowMs'>;
  #factor = firstFactor;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** What to ask for now (nano-CU): ever more the sooner asks come, but not beyond what is `useful`. */
  next(missing: NanoCu, useful: NanoCu): NanoCu {
    const nowMs = this.#clock.nowMs();
    const soon = nowMs - this.#askedMs < soonMs;
    this.#factor = soon ? least(this.#factor * 2n, greatestFactor) : firstFactor;
    this.#askedMs = nowMs;
    const want = least(missing * this.#factor, useful);
    return want > missing ? want : missing;
  }
}

function least(a: NanoCu, b: NanoCu): NanoCu {
  return a < b ? a : b;
}
