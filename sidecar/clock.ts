/** The two clocks a sidecar reads. */
export interface Clock {
  /** Milliseconds since the epoch: for people, prices and periods. */
  wallMs(): number;
  /** Milliseconds that never go back, from an unknown start: for lives, deadlines and durations. */
  monotonicMs(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
