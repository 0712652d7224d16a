import { expect, test } from 'vitest';
import { VirtualClock } from '../../test/kube/virtual-clock.ts';
import { BoundedCache } from './bounded-cache.ts';

/** A cache of three entries that keeps answers for 100 ms and failures for 10, and counts what is fetched. */
function start() {
  const clock = new VirtualClock();
  const cache = new BoundedCache<number>({
    clock,
    maxEntries: 3,
    lifeMs: ({ status }) => (status === 'fulfilled' ? 100 : 10),
  });
  const seen = { fetched: 0 };
  const get = (key: string): Promise<number> => cache.get(key, () => Promise.resolve((seen.fetched += 1)));
  const fail = (key: string): Promise<number> =>
    cache.get(key, () => {
      seen.fetched += 1;
      return Promise.reject(new Error('no answer'));
    });
  return { clock, cache, seen, get, fail };
}

test('an answer is kept for its life, and everybody who asks meanwhile waits for the same', async () => {
  const { clock, get } = start();
  expect(await Promise.all([get('a'), get('a'), get('b')])).toEqual([1, 1, 2]);
  clock.advance(99);
  expect(await get('a')).toBe(1);
  clock.advance(1);
  expect(await get('a')).toBe(3);
});

test('a failure is kept for its own, shorter life', async () => {
  const { clock, seen, get, fail } = start();
  await expect(fail('a')).rejects.toThrow('no answer');
  await expect(get('a')).rejects.toThrow('no answer');
  expect(seen.fetched).toBe(1);
  clock.advance(10);
  expect(await get('a')).toBe(2);
});

test('what was fetched longest ago makes room', async () => {
  const { get } = start();
  for (const key of ['a', 'b', 'c', 'd']) await get(key);
  expect(await get('b')).toBe(2);
  expect(await get('a')).toBe(5);
});

test('a refresh fetches anew, and is what is kept from then on', async () => {
  const { cache, get } = start();
  await get('a');
  expect(await cache.refresh('a', () => Promise.resolve(77))).toBe(77);
  expect(await get('a')).toBe(77);
});
