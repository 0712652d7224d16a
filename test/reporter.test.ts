import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closingLine, totalsOf, type ModuleOutcome } from './reporter.ts';

const ROOT = join(import.meta.dirname, '..');

type State = 'passed' | 'failed' | 'skipped' | 'pending';

function module(ok: boolean, ...states: State[]): ModuleOutcome {
  return {
    ok: () => ok,
    children: { allTests: () => states.map((state) => ({ result: () => ({ state }) })) },
  };
}

describe('the closing line', () => {
  test.each([
    {
      name: 'counts tests',
      modules: [module(true, 'passed', 'passed'), module(true, 'passed')],
      outside: 0,
      want: '3 passed, 0 failed',
    },
    {
      name: 'names skipped tests',
      modules: [module(true, 'passed', 'skipped')],
      outside: 0,
      want: '1 passed, 0 failed, 1 skipped',
    },
    {
      name: 'counts a failed test once',
      modules: [module(false, 'passed', 'failed')],
      outside: 0,
      want: '1 passed, 1 failed',
    },
    {
      name: 'counts a file that could not be loaded',
      modules: [module(false)],
      outside: 0,
      want: '0 passed, 1 failed',
    },
    {
      name: 'counts a file whose hook threw',
      modules: [module(false, 'passed')],
      outside: 0,
      want: '1 passed, 1 failed',
    },
    {
      name: 'counts errors of no test',
      modules: [module(true, 'passed')],
      outside: 2,
      want: '1 passed, 2 failed',
    },
    {
      name: 'counts a test that never ended as failed',
      modules: [module(false, 'pending')],
      outside: 0,
      want: '0 passed, 1 failed',
    },
  ])('$name', ({ modules, outside, want }) => {
    expect(closingLine(totalsOf(modules, outside))).toBe(want);
  });
});

describe('a whole run', () => {
  let dir: string;
  beforeAll(async () => {
    // Inside the tree, because that is where `vitest` is found.
    dir = await mkdtemp(join(ROOT, 'node_modules', '.reporter-test-'));
    await writeFile(
      join(dir, 'vitest.config.ts'),
      `import { ClosingLine } from '${join(ROOT, 'test/reporter.ts')}';
       export default { test: { include: ['*.case.ts'], reporters: ['default', new ClosingLine()], globalSetup: process.env.CASE_SETUP ? ['./setup.ts'] : [] } };`,
    );
    await writeFile(join(dir, 'setup.ts'), `export default () => { throw new Error('no setup today'); };`);
    const head = `import { expect, test } from 'vitest';\n`;
    await writeFile(
      join(dir, 'good.case.ts'),
      `${head}test('a', () => expect(1).toBe(1)); test.skip('b', () => {});`,
    );
    await writeFile(
      join(dir, 'bad.case.ts'),
      `${head}test('a', () => expect(1).toBe(2)); test('b', () => expect(1).toBe(1));`,
    );
    await writeFile(join(dir, 'unloadable.case.ts'), `import './absent.ts';`);
    await writeFile(
      join(dir, 'stray.case.ts'),
      `${head}test('a', async () => { void Promise.reject(new Error('stray')); await new Promise(setImmediate); expect(1).toBe(1); });`,
    );
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test.each([
    { name: 'that passes', files: ['good'], env: {}, line: '1 passed, 0 failed, 1 skipped', exitCode: 0 },
    {
      name: 'with a failed test',
      files: ['good', 'bad'],
      env: {},
      line: '2 passed, 1 failed, 1 skipped',
      exitCode: 1,
    },
    {
      name: 'with a file that cannot be loaded',
      files: ['good', 'unloadable'],
      env: {},
      line: '1 passed, 1 failed, 1 skipped',
      exitCode: 1,
    },
    {
      name: 'with an error outside the tests',
      files: ['stray'],
      env: {},
      line: '1 passed, 1 failed',
      exitCode: 1,
    },
    {
      name: 'whose setup fails',
      files: ['good'],
      env: { CASE_SETUP: '1' },
      line: '0 passed, 1 failed',
      exitCode: 1,
    },
    { name: 'that finds no tests', files: ['absent'], env: {}, line: '0 passed, 1 failed', exitCode: 1 },
  ])('$name closes with $line', { timeout: 60_000 }, async ({ files, env, line, exitCode }) => {
    const run = await vitest(dir, files, env);
    expect({ last: run.lines.at(-1), exitCode: run.exitCode }).toEqual({ last: line, exitCode });
    expect(run.lines.filter((each) => /^\d+ passed, \d+ failed/.test(each))).toHaveLength(1);
  });
});

function vitest(
  cwd: string,
  files: string[],
  env: Record<string, string>,
): Promise<{ lines: string[]; exitCode: number }> {
  const program = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [program, 'run', '--root', cwd, ...files];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd, env: { ...process.env, ...env, VITEST: undefined } },
      (error, stdout) => {
        resolve({ lines: stdout.trimEnd().split('\n'), exitCode: Number(error?.code ?? 0) });
      },
    );
  });
}
