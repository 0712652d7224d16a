/** Time as the runtime uses it, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds since 1970 of this machine. For spending periods the API server's clock counts, not this one. */
  nowMs(): number;
  /** Runs once after that many milliseconds; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** setTimeout fires at once beyond this. */
const maxTimerMs = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), maxTimerMs));
    return () => clearTimeout(timer);
  },
};

/** Time that never goes back and that nobody sets, from an unknown start: for who may act until when. */
export const monotonicClock: Clock = { ...systemClock, nowMs: () => performance.now() };

/** Resolves after that time on the given clock, or as soon as the signal fires: the caller looks which. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Doubles from `baseMs` with each failed attempt (the first is 1) up to `maxMs`. */
export function backOffMs(attempt: number, { baseMs, maxMs }: { baseMs: number; maxMs: number }): number {
  // Beyond 2^30 the power only loses precision.
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
}

/** Between half and all of the delay, so that many clients of one server do not come back at the same moment. */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2);
}
