import { array, assert, constant, constantFrom, letrec, oneof, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bodyToSend } from './body-to-send.ts';

function send(text: string | Buffer, changes: Record<string, unknown> = {}): string {
  const bytes = Buffer.from(text);
  const value: Record<string, unknown> = JSON.parse(bytes.toString());
  return bodyToSend({ ...value, ...changes }, { bytes, value }).toString();
}

describe('the client’s own bytes are sent', () => {
  test('with all their blanks and numbers', () => {
    const text = '{ "a": 1.0,\n "b": {"c":[{"d":1e2}, "x: y"]} } ';
    expect(send(text)).toBe(text);
  });

  test('with what is added at their end', () => {
    expect(send('{"a": 1.0} ', { b: { c: true }, d: 2 })).toBe('{"a": 1.0,"b":{"c":true},"d":2}');
    expect(send('{}', { b: 1 })).toBe('{"b":1}');
  });
});

describe('the decoded value is written', () => {
  test.each([
    { name: 'a name stands twice', text: '{"a":1,"a":2}', want: '{"a":2}' },
    { name: 'a name stands twice further down', text: '{"x":[{"a":1,"a":2}]}', want: '{"x":[{"a":2}]}' },
    { name: 'one of two equal names is escaped', text: '{"a":1,"\\u0061":2}', want: '{"a":2}' },
    { name: 'a blank before a colon hides a name', text: '{"a" :1,"a":2}', want: '{"a":2}' },
    { name: 'a text looks like a name', text: '{"a": "\\":"}', want: '{"a":"\\":"}' },
  ])('where $name', ({ text, want }) => {
    expect(send(text)).toBe(want);
  });

  test('where a member is changed or left out', () => {
    expect(send('{"a": 1.0, "b": 2}', { a: 3 })).toBe('{"a":3,"b":2}');
    const bytes = Buffer.from('{"a": 1, "b": 2}');
    expect(bodyToSend({ a: 1 }, { bytes, value: { a: 1, b: 2 } })).toBe('{"a":1}');
  });

  test('where the bytes are no UTF-8: other readers might see a quote', () => {
    const text = Buffer.concat([Buffer.from('{"a": "'), Buffer.from([0xc0, 0xa2]), Buffer.from('"}')]);
    expect(send(text)).toBe('{"a":"\ufffd\ufffd"}');
  });
});

/** The text of a value, and whether some object in it has a name twice. */
interface Written {
  readonly text: string;
  readonly twice: boolean;
}

const blank = constantFrom('', '', '', ' ', '\n');
const name = constantFrom('"a"', '"b"', '"\\u0061"', '"a:"', '"\\":"', '" "');
const { object } = letrec<{ object: Written; value: Written }>((tie) => ({
  object: array(tuple(blank, name, blank, blank, tie('value')), { maxLength: 3 }).map((members) => {
    const names = members.map(([, text]) => String(JSON.parse(text)));
    return {
      text: `{${members.map(([b1, key, b2, b3, { text }]) => `${b1}${key}${b2}:${b3}${text}`).join(',')}}`,
      twice: new Set(names).size < names.length || members.some(([, , , , { twice }]) => twice),
    };
  }),
  value: oneof(
    { depthSize: 'small' },
    constant({ text: '1', twice: false }),
    constant({ text: '"\\":"', twice: false }),
    tie('object'),
    array(tie('value'), { maxLength: 2 }).map((members) => ({
      text: `[${members.map(({ text }) => text).join(' ,')}]`,
      twice: members.some(({ twice }) => twice),
    })),
  ),
}));

test('no text in which a name stands twice is ever sent as it came, and all others mean the same', () => {
  assert(
    property(object, ({ text, twice }) => {
      const sent = send(text);
      expect(JSON.parse(sent)).toEqual(JSON.parse(text));
      expect(twice && sent === text).toBe(false);
    }),
    { numRuns: 2000 },
  );
});
