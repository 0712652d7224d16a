import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const RUN = join(import.meta.dirname, '..', '.ci', 'run');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ci-run-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Runs CI's command with a `make` that does what `script` says in place of all checks and tests. */
async function ciRun(script: string): Promise<{ lines: string[]; exitCode: number }> {
  await writeFile(join(dir, 'make'), `#!/bin/bash\n${script}\n`);
  await chmod(join(dir, 'make'), 0o755);
  return await new Promise((resolve) => {
    execFile(RUN, { env: { PATH: `${dir}:/usr/bin:/bin` } }, (error, stdout) => {
      resolve({ lines: stdout.trimEnd().split('\n'), exitCode: Number(error?.code ?? 0) });
    });
  });
}

test.each([
  {
    name: 'passes on the closing line of tests that passed',
    script: 'echo checks; echo "12 passed, 0 failed, 1 skipped"',
    lines: ['checks', '12 passed, 0 failed, 1 skipped'],
    exitCode: 0,
  },
  {
    name: 'moves the closing line behind what make says of failed tests',
    script: 'echo "11 passed, 1 failed"; echo "make: *** [test] Error 1" >&2; exit 2',
    lines: ['make: *** [test] Error 1', '11 passed, 1 failed'],
    exitCode: 2,
  },
  {
    name: 'fails when a check before the tests fails',
    script: 'echo "lint: no"; exit 2',
    lines: ['lint: no', '0 passed, 1 failed'],
    exitCode: 2,
  },
  {
    name: 'never says that nothing failed when something did',
    script: 'echo "12 passed, 0 failed"; exit 2',
    lines: ['12 passed, 1 failed'],
    exitCode: 2,
  },
  {
    name: 'fails when no test ran',
    script: 'echo "nothing to do"',
    lines: ['nothing to do', '0 passed, 1 failed'],
    exitCode: 1,
  },
])('CI $name', async ({ script, lines, exitCode }) => {
  expect(await ciRun(script)).toEqual({ lines, exitCode });
});
