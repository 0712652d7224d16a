import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { collect } from './collect.ts';

const bodyOf = (...chunks: string[]) => {
  const body = new PassThrough();
  for (const chunk of chunks) body.write(chunk);
  return body;
};

test.each([
  { name: 'of several chunks', chunks: ['ab', 'cd'], want: 'abcd' },
  { name: 'of one chunk', chunks: ['abcd'], want: 'abcd' },
  { name: 'of none', chunks: [], want: '' },
])('a body $name is collected', async ({ chunks, want }) => {
  const body = bodyOf(...chunks);
  body.end();
  const collected = await collect(body, 4);
  expect(collected).toMatchObject({ kind: 'whole', content: Buffer.from(want) });
});

test('a body that passes the bound is too long before it has ended, and is read no further', async () => {
  const body = bodyOf('abc', 'de');
  expect(await collect(body, 4)).toEqual({ kind: 'too_long' });
  expect(body.isPaused()).toBe(true);
});

test('a body that fails is broken, and says why', async () => {
  const body = bodyOf('ab');
  const cause = new Error('reset');
  body.destroy(cause);
  expect(await collect(body, 4)).toEqual({ kind: 'broken', cause });
});

test('a body that was closed before anybody read it is broken', async () => {
  const body = bodyOf('ab');
  body.destroy();
  await once(body, 'close');
  expect(await collect(body, 4)).toMatchObject({ kind: 'broken' });
});

test('a body that is closed before its end is broken', async () => {
  const body = bodyOf('ab');
  body.destroy();
  expect(await collect(body, 4)).toMatchObject({ kind: 'broken' });
});
