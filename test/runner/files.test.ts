import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PodAddresses } from './addresses.ts';
import { AtomicDirectory } from './atomic-directory.ts';
import { readConfig } from './config.ts';
import { findImage, readImageMap } from './images.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runner-files-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function files(content: Record<string, string>) {
  return new Map(
    Object.entries(content).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o640 }]),
  );
}

async function visible(): Promise<string[]> {
  return (await readdir(dir)).filter((name) => !name.startsWith('..')).sort();
}

describe('a directory whose files change together', () => {
  test('holds what was last written, with its mode, and nothing of before', async () => {
    const directory = new AtomicDirectory(dir);
    expect(await directory.write(files({ a: '1', 'deep/b': '1', gone: '1' }))).toBe(true);
    expect(await directory.write(files({ a: '2', 'deep/b': '2', c: '2' }))).toBe(true);
    expect(await visible()).toEqual(['a', 'c', 'deep']);
    expect(await Promise.all(['a', 'c', 'deep/b'].map((path) => readFile(join(dir, path), 'utf8')))).toEqual([
      '2',
      '2',
      '2',
    ]);
    expect((await stat(join(dir, 'a'))).mode & 0o777).toBe(0o640);
    // The files, the pointer to them, and three visible names.
    expect(await readdir(dir)).toHaveLength(5);
  });

  test('is not touched when nothing has changed', async () => {
    const directory = new AtomicDirectory(dir);
    await directory.write(files({ a: '1' }));
    const before = await readdir(dir);
    expect(await directory.write(files({ a: '1' }))).toBe(false);
    expect(await readdir(dir)).toEqual(before);
  });

  test('is taken over from an earlier runner', async () => {
    await new AtomicDirectory(dir).write(files({ a: '1' }));
    await new AtomicDirectory(dir).write(files({ a: '2' }));
    expect(await readFile(join(dir, 'a'), 'utf8')).toBe('2');
  });
});

describe('the image map', () => {
  test.each([
    { given: 'shop/app:2', want: 'exact' },
    { given: 'shop/app:3', want: 'any' },
    { given: 'shop/app', want: 'any' },
    { given: 'shop/app:3@sha256:00', want: 'any' },
    { given: 'host:5000/app:1', want: 'port' },
    { given: 'host:5000/app', want: 'port' },
  ])('has an entry for $given', async ({ given, want }) => {
    const entries = { 'shop/app:2': 'exact', 'shop/app': 'any', 'host:5000/app': 'port' };
    const map = Object.fromEntries(Object.entries(entries).map(([name, word]) => [name, { cmd: [word] }]));
    await writeFile(join(dir, 'images.json'), JSON.stringify(map));
    expect(findImage(await readImageMap(join(dir, 'images.json')), given).cmd).toEqual([want]);
  });

  test('has paths relative to its file', async () => {
    await writeFile(
      join(dir, 'images.json'),
      JSON.stringify({ app: { paths: { '/app': 'code' }, workingDir: '.' } }),
    );
    const image = findImage(await readImageMap(join(dir, 'images.json')), 'app');
    expect(image).toMatchObject({ paths: { '/app': join(dir, 'code') }, workingDir: dir });
  });

  test.each([
    { name: 'an unknown field', text: '{"app":{"entry":[]}}', says: /entry/ },
    { name: 'a relative path of the image', text: '{"app":{"paths":{"app":"x"}}}', says: /app/ },
    { name: 'no JSON', text: '{', says: /JSON/ },
  ])('with $name is refused, and the message says where', async ({ text, says }) => {
    const file = join(dir, 'images.json');
    await writeFile(file, text);
    await expect(readImageMap(file)).rejects.toMatchObject({
      reason: 'images_invalid',
      message: expect.stringMatching(says),
    });
  });
});

describe('the command line', () => {
  const needed = ['--kubeconfig', 'k', '--images', 'i', '--dir', '/d'];

  test('has defaults for all but three options', () => {
    expect(readConfig(needed)).toEqual({
      kubeconfig: 'k',
      imagesFile: 'i',
      dir: '/d',
      nodeName: 'local',
      namespaces: [],
      backOff: { baseMs: 10_000, maxMs: 300_000 },
      refreshMs: 10_000,
      tokenMaxAgeMs: 86_400_000,
      shutdownMs: 10_000,
      logsPort: undefined,
    });
  });

  test.each([
    { name: 'a missing option', args: ['--kubeconfig', 'k', '--images', 'i'], says: /dir/ },
    { name: 'an unknown one', args: [...needed, '--nodes', 'x'], says: /--nodes/ },
    { name: 'a name that is none', args: [...needed, '--node', 'A B'], says: /node/ },
    { name: 'no number', args: [...needed, '--refresh-seconds', 'soon'], says: /refresh-seconds/ },
  ])('with $name is refused with the usage', ({ args, says }) => {
    expect(() => readConfig(args)).toThrow(says);
    expect(() => readConfig(args)).toThrow(/node test\/runner\/main.ts --kubeconfig/);
  });
});

test('addresses of pods are their own, are kept, and are free again after the pod', () => {
  const numbers = [0, 0, 0, 0, 5, 6];
  const addresses = new PodAddresses(() => numbers.shift() ?? 9);
  expect(addresses.take('one')).toBe('127.0.1.1');
  expect(addresses.take('two')).toBe('127.0.6.7');
  expect(addresses.take('one')).toBe('127.0.1.1');
  expect(addresses.take('three', '127.0.1.1')).not.toBe('127.0.1.1');
  addresses.release('one');
  expect(addresses.take('four', '127.0.1.1')).toBe('127.0.1.1');
});
