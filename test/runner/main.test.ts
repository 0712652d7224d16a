import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const main = join(import.meta.dirname, 'main.ts');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runner-main-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A kubeconfig for an API server on that port. */
async function writeKubeconfig(port: number): Promise<string> {
  const file = join(dir, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'test', user: { token: 'none' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

test('without its options it says which are missing and how it is used, and fails', async () => {
  const run = promisify(execFile)(process.execPath, [main]);
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/kubeconfig[\s\S]*--images FILE --dir DIR/),
  });
});

test('SIGTERM ends it also while there is no API server to talk to', async () => {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  await writeFile(join(dir, 'images.json'), '{}');
  const options = [
    '--kubeconfig',
    await writeKubeconfig(port),
    '--images',
    join(dir, 'images.json'),
    '--dir',
    dir,
  ];
  const asked = once(server, 'connection');
  const program = spawn(process.execPath, [main, ...options], { stdio: 'ignore' });
  const ended = once(program, 'exit');
  await asked;
  program.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  server.close();
});
