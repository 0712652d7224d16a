import { setTimeout as delay } from 'node:timers/promises';

/** Waits; rejects at once with the signal's reason when it is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Node's timers turn anything longer into no wait at all. */
const maxTimerMs = 2_147_483_647;

/**
 * Waits until it is woken, the time is over or the signal is aborted, and never rejects.
 *
 * @param onStart is given the function that wakes it
 */
export async function sleep(
  ms: number,
  signal: AbortSignal,
  onStart: (wake: () => void) => void = () => {},
): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = setTimeout(wake, Math.min(maxTimerMs, Math.max(1, Math.ceil(ms))));
  signal.addEventListener('abort', wake, { once: true });
  onStart(wake);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', wake);
}
