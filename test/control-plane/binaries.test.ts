import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheDir, ensureBinaries, findBinary, kubernetesVersion } from './binaries.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'binaries-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function program(path: string, prints = ''): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho '${prints}'\n`);
  await chmod(path, 0o755);
  return path;
}

const silent = { say: () => undefined };

describe('finding a program', () => {
  test('prefers KUBEBUILDER_ASSETS to the cache, and looks for each program by itself', async () => {
    const env = { HOME: home, KUBEBUILDER_ASSETS: join(home, 'assets') };
    const etcd = await program(join(home, 'assets/etcd'));
    const apiServer = await program(join(cacheDir(env), 'kube-apiserver'));
    await program(join(cacheDir(env), 'etcd'));
    expect(await findBinary('etcd', env)).toBe(etcd);
    expect(await findBinary('kube-apiserver', env)).toBe(apiServer);
    expect(await findBinary('kube-controller-manager', env)).toBeUndefined();
  });

  test('keeps the cache where the machine keeps caches, one folder a version', () => {
    const end = join('sap-ai-budget', 'control-plane', kubernetesVersion());
    expect(cacheDir({ HOME: '/home/a' })).toBe(join('/home/a/.cache', end));
    expect(cacheDir({ HOME: '/home/a', XDG_CACHE_HOME: '/var/cache/a' })).toBe(join('/var/cache/a', end));
  });

  test.each([
    { name: 'takes one that is recent enough', version: 'v1.32.4-dispatcher', taken: true },
    { name: 'leaves one that is too old', version: 'v1.31.9', taken: false },
    { name: 'leaves one that does not say its version', version: 'none', taken: false },
  ])('for kubectl looks on PATH and $name', async ({ version, taken }) => {
    const path = await program(join(home, 'bin/kubectl'), `{"clientVersion": {"gitVersion": "${version}"}}`);
    const found = await findBinary('kubectl', { HOME: home, PATH: join(home, 'bin') });
    expect(found).toBe(taken ? path : undefined);
  });

  test('takes no file that cannot be run', async () => {
    const env = { HOME: home };
    await chmod(await program(join(cacheDir(env), 'etcd')), 0o644);
    expect(await findBinary('etcd', env)).toBeUndefined();
  });
});

describe('building what is missing', () => {
  test.each([
    { name: 'says what to install when Go is too old', prints: 'go1.24.9', reason: 'go_too_old' },
    { name: 'builds with a Go that is newer than the oldest', prints: 'go1.26.8', reason: 'build_failed' },
  ])('$name', async ({ prints, reason }) => {
    await program(join(home, 'bin/go'), prints);
    // This `go` says its version and builds nothing, so a build ends in a program that is not there.
    const env = { HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin` };
    await expect(ensureBinaries(['etcd'], { ...silent, env })).rejects.toMatchObject({ reason });
    expect(await readdir(cacheDir(env))).toEqual([]);
  });

  test('says what to install when there is no Go that runs', async () => {
    await writeFile(await program(join(home, 'bin/go')), '#!/bin/sh\nexit 127\n');
    const env = { HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin` };
    await expect(ensureBinaries(['etcd'], { ...silent, env })).rejects.toMatchObject({
      reason: 'go_missing',
    });
  });

  test('names the prerequisite in the message', async () => {
    await program(join(home, 'bin/go'), 'go1.20');
    const env = { HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin` };
    const ensured = ensureBinaries(['etcd'], { ...silent, env });
    await expect(ensured).rejects.toThrow(/install Go 1\.25 or newer .* on PATH or in \/usr\/local\/go\/bin/);
  });
});
