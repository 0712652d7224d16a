import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

const main = join(import.meta.dirname, 'main.ts');

/** Starts the program; it ends with the test at the latest. */
function start(args: string[]): ReturnType<typeof spawn> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

function writeConfig(config: unknown): string {
  const dir = mkdtempSync(join(tmpdir(), 'emulator-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'config.json');
  writeFileSync(path, JSON.stringify(config));
  return path;
}

test('says in one line of JSON where it listens, and ends on SIGTERM', async () => {
  const child = start(['--port', '0', '--config', writeConfig({ tokenLifetimeSeconds: 5 })]);
  if (child.stdout === null) {
    throw new Error('the child has no stdout');
  }
  const [line] = z.tuple([z.string()]).parse(await once(createInterface(child.stdout), 'line'));
  const { url } = z.strictObject({ url: z.url() }).parse(JSON.parse(line));
  const answer: unknown = await (await fetch(`${url}/__emulator/service-keys`)).json();
  expect(answer).toMatchObject({ serviceKeys: [{ url, serviceurls: { AI_API_URL: url } }, {}] });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test.each([
  { name: 'an unknown member', config: { tenant: [] }, says: 'Unrecognized key: "tenant"' },
  {
    name: 'a rate that is no number',
    config: { factors: [{ from: '2026-01-01', factor: 'x' }] },
    says: 'factors[0].factor',
  },
])('does not start with $name in its configuration, and says what to correct', async ({ config, says }) => {
  const child = start(['--config', writeConfig(config)]);
  let stderr = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += bytes.toString('utf8');
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(stderr).toContain(says);
});

test.each([
  { args: ['--help'], code: 0 },
  { args: ['--prot', '1'], code: 1 },
])('says how it is used when it is started with $args', async ({ args, code }) => {
  const child = start(args);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
    });
  expect(await once(child, 'close')).toEqual([code, null]);
  expect(text).toContain('usage: node test/sap-emulator/main.ts [--host ADDRESS]');
});
