import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { ControlPlaneError } from './errors.ts';

/** Where the lock lies and how it is waited for. */
export interface LockOptions {
  path: string;
  /** Called once, when somebody else holds it. */
  waiting: () => void;
  /** Half an hour unless told: three times the longest build seen. */
  timeoutMs?: number;
  intervalMs?: number;
}

/**
 * Runs `action` while holding a lock file with our pid in it. A file whose process is gone counts for nothing.
 * Rejects with `lock_timeout` if it stays taken. Two processes that find the same stale file at the same moment
 * may both enter; `action` must be one that is only wasteful when done twice.
 */
export async function withLock<T>(options: LockOptions, action: () => Promise<T>): Promise<T> {
  await takeLock(options);
  try {
    return await action();
  } finally {
    await rm(options.path, { force: true });
  }
}

async function takeLock({
  path,
  waiting,
  timeoutMs = 1_800_000,
  intervalMs = 500,
}: LockOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let told = false; !(await isTakenNow(path));) {
    if (await isStale(path)) {
      await rm(path, { force: true });
      continue;
    }
    if (performance.now() > deadline) {
      throw new ControlPlaneError(
        'lock_timeout',
        `${path} stays locked; if nothing is building, remove it and try again`,
      );
    }
    if (!told) waiting();
    told = true;
    await pause(intervalMs);
  }
}

async function isTakenNow(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  // Empty: its owner has created it and not yet written to it, or has just removed it.
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
