import { array, assert, constantFrom, integer, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SseEvent, SseSplitter } from './sse-splitter.ts';

/** All events of a text that arrives in pieces of these sizes. */
function split(text: Buffer, sizes: readonly number[]): SseEvent[] {
  const splitter = new SseSplitter(1 << 20);
  const events: SseEvent[] = [];
  let at = 0;
  for (let index = 0; at < text.length; index += 1) {
    const size = Math.max(1, sizes[index % sizes.length] ?? 1);
    events.push(...splitter.push(text.subarray(at, at + size)));
    at += size;
  }
  const last = splitter.flush();
  return last === undefined ? events : [...events, last];
}

const line = constantFrom(
  'data: {"a":"Grüße 🌍"}',
  'data:x',
  'data: [DONE]',
  ': comment',
  'event: x',
  'data:  two',
);
const lineEnd = constantFrom('\n', '\r\n');
const stream = array(tuple(array(line, { maxLength: 3 }), lineEnd), { maxLength: 6 }).map((events) =>
  events.map(([lines, end]) => [...lines, ''].join(end) + end).join(''),
);

describe('events', () => {
  test('are the same however their bytes are cut, and none is lost or changed', () => {
    assert(
      property(stream, array(integer({ min: 1, max: 9 }), { minLength: 1 }), (text, sizes) => {
        const bytes = Buffer.from(text);
        const pieces = split(bytes, sizes);
        expect(pieces).toEqual(split(bytes, [bytes.length + 1]));
        expect(Buffer.concat(pieces.map(({ raw }) => raw)).equals(bytes)).toBe(true);
      }),
    );
  });

  test.each([
    { name: 'one line', text: 'data: a\n\n', data: ['a'] },
    { name: 'no space after the colon', text: 'data:a\n\n', data: ['a'] },
    { name: 'CRLF', text: 'data: a\r\n\r\ndata: b\r\n\r\n', data: ['a', 'b'] },
    { name: 'two data lines', text: 'data: a\ndata: b\n\n', data: ['a\nb'] },
    { name: 'a comment', text: ': hello\n\ndata: a\n\n', data: [undefined, 'a'] },
    { name: 'no empty line at the end', text: 'data: a\n\ndata: b', data: ['a', 'b'] },
  ])('with $name are read', ({ text, data }) => {
    expect(split(Buffer.from(text), [1]).map((event) => event.data)).toEqual(data);
  });

  test('longer than allowed are not kept in memory', () => {
    const splitter = new SseSplitter(100);
    expect(() => splitter.push(Buffer.from(`data: ${'x'.repeat(200)}`))).toThrow(RangeError);
  });
});
