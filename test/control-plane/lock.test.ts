import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './lock.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(dir, 'thing.lock');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('lets one in at a time, tells the others once, and is gone afterwards', async () => {
  let inside = 0;
  let most = 0;
  let told = 0;
  const allTold = Promise.withResolvers<void>();
  const waiting = (): void => {
    told += 1;
    if (told === 2) allTold.resolve();
  };
  const enter = (): Promise<void> =>
    withLock({ path, waiting, intervalMs: 1 }, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await allTold.promise;
      inside -= 1;
    });
  await Promise.all([enter(), enter(), enter()]);
  expect({ most, told, left: existsSync(path) }).toEqual({ most: 1, told: 2, left: false });
});

test('is released when the action throws', async () => {
  const failing = withLock({ path, waiting: () => undefined }, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(existsSync(path)).toBe(false);
});

test('takes over the lock of a process that is gone', async () => {
  const { pid } = spawnSync('true');
  await writeFile(path, String(pid));
  expect(await withLock({ path, waiting: () => undefined }, () => Promise.resolve('in'))).toBe('in');
});

test('gives up with the file to remove when the lock stays taken', async () => {
  await writeFile(path, String(process.pid));
  const waiting = withLock({ path, waiting: () => undefined, timeoutMs: 5, intervalMs: 1 }, () =>
    Promise.resolve(),
  );
  await expect(waiting).rejects.toMatchObject({
    reason: 'lock_timeout',
    message: expect.stringContaining(path),
  });
});
