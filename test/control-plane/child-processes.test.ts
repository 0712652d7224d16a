import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChildProcesses } from './child-processes.ts';
import { eventually } from './eventually.ts';

let logDir: string;
let children: ChildProcesses;
beforeEach(async () => {
  logDir = await mkdtemp(join(tmpdir(), 'children-'));
  children = new ChildProcesses({ logDir });
});
afterEach(async () => {
  await children.stop();
  await rm(logDir, { recursive: true, force: true });
});

/** Waits until a program has written its pid to its log, and gives that. */
async function pidOf(name: string): Promise<number> {
  const read = async (): Promise<number | undefined> =>
    Number(await readFile(join(logDir, `${name}.log`), 'utf8')) || undefined;
  return await eventually(read, { what: `the pid of ${name}`, timeoutMs: 10_000, intervalMs: 5 });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const stays = ['-c', 'echo $$; exec sleep 600'];

test('a program that cannot be run is an error that names it', async () => {
  await expect(children.start('absent', join(logDir, 'absent'), [])).rejects.toMatchObject({
    reason: 'process_exited',
    message: expect.stringContaining(join(logDir, 'absent')),
  });
});

test('a program that ended by itself is an error with the end of its log', async () => {
  await children.start('brief', '/bin/sh', ['-c', 'echo the port is taken; exit 3']);
  const failure = async (): Promise<unknown> =>
    await children.assertRunning().then(
      () => undefined,
      (error: unknown) => error,
    );
  const error = await eventually(failure, { what: 'the program to end', timeoutMs: 10_000, intervalMs: 5 });
  expect(error).toMatchObject({
    reason: 'process_exited',
    message: expect.stringMatching(/brief .*\(3\).*\nthe port is taken/),
  });
});

test('a killed program is gone when the promise resolves, is no error, and may be started again', async () => {
  await children.start('daemon', '/bin/sh', stays);
  const first = await pidOf('daemon');
  await children.kill('daemon');
  expect(isAlive(first)).toBe(false);
  await expect(children.assertRunning()).resolves.toBeUndefined();
  await expect(children.start('daemon', '/bin/sh', stays)).resolves.toBeUndefined();
});

test('stopping ends every program and removes the directory it was told to', async () => {
  const removeAtEnd = await mkdtemp(join(tmpdir(), 'children-removed-'));
  const own = new ChildProcesses({ logDir, removeAtEnd });
  await own.start('one', '/bin/sh', stays);
  await own.start('two', '/bin/sh', stays);
  const pids = [await pidOf('one'), await pidOf('two')];
  await own.stop();
  expect({ alive: pids.map(isAlive), left: existsSync(removeAtEnd) }).toEqual({
    alive: [false, false],
    left: false,
  });
});
