import { type Clock, pause } from './clock.ts';

/**
 * Runs that work again and again until the signal fires: `everyMs` after the start, then so long after it has ended. One
 * that rejects ends it all, and so does this.
 */
export async function runEvery(
  everyMs: number,
  work: () => Promise<void> | void,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  for (;;) {
    await pause(clock, everyMs, signal);
    if (signal.aborted) return;
    await work();
  }
}
