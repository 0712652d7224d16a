import { setTimeout as pause } from 'node:timers/promises';
import { ControlPlaneError } from './errors.ts';

/** How long to wait for what; `what` completes the sentence "gave up waiting for …". */
export interface Patience {
  what: string;
  timeoutMs: number;
  intervalMs?: number;
  signal?: AbortSignal;
}

/**
 * Asks `probe` again and again until it gives something other than undefined, and resolves to that.
 * Rejects with reason `not_ready` after `timeoutMs`; what `probe` throws ends the waiting at once.
 */
export async function eventually<T>(
  probe: () => Promise<T | undefined>,
  { what, timeoutMs, intervalMs = 50, signal }: Patience,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      throw new ControlPlaneError('not_ready', `gave up waiting for ${what} after ${timeoutMs} ms`);
    }
    await pause(intervalMs, undefined, { signal });
  }
}
