/** What a holder asks for at first. */
const fewestRequests = 8n;
/** More would lie idle for long once a burst is over. */
const mostRequests = 1024n;
/** A grant should last about this long, so that a busy pod does not stop for the operator every few requests. */
const paceMs = 1000;

/** How many requests a grant should last for: the double whenever the last one was used up too soon. */
export class GrantPace {
  #requests = fewestRequests;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** For an ask at this time (monotonic ms). */
  requestsAt(nowMs: number): bigint {
    return nowMs - this.#askedAtMs < paceMs ? this.#requests : fewestRequests;
  }

  /** An ask leaves now. */
  noteAsk(nowMs: number): void {
    const doubled = this.requestsAt(nowMs) * 2n;
    this.#requests = doubled < mostRequests ? doubled : mostRequests;
    this.#askedAtMs = nowMs;
  }
}
