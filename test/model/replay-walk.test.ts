import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replayWalk } from './replay-walk.ts';
import { parseValue } from './tla-text.ts';

const walk = readFileSync(new URL('testdata/walk.txt', import.meta.url), 'utf8');

test('a walk through the model comes to the same figures in the code, step by step', () => {
  expect(replayWalk(walk)).toEqual({ steps: 54, difference: undefined });
});

test.each([
  {
    what: 'a row',
    given: /(rows = .*?granted \|-> )(\d)/,
    says: /ledger: (outstanding|held) is \d in the model/,
  },
  { what: 'a process', given: /(procs = .*?returned \|-> )(\d)/, says: /returned is 9 in the model/ },
  { what: 'the cap', given: /(cap = )(\d)/, says: /ledger: cap is 9 in the model/ },
])('a figure of $what that the code does not come to is noticed', ({ given, says }) => {
  const [before, last] = splitAt(walk, 'STATE_50 ==');
  const { steps, difference } = replayWalk(before + last.replace(given, (_, start: string) => `${start}9`));
  expect({ steps, difference }).toEqual({ steps: 49, difference: expect.stringMatching(says) });
});

test('a step that the code will not do is noticed', () => {
  const [before, last] = splitAt(walk, 'STATE_50 ==');
  const given = last.replace(/step = <<.*/, 'step = <<"release", a, 0>>');
  expect(replayWalk(before + given).difference).toMatch(/the code will not do it/);
});

test.each([
  ['3', 3],
  ['-1', -1],
  ['TRUE', true],
  ['a', 'a'],
  ['"open"', 'open'],
  ['{}', []],
  ['<<1, {2, 3}>>', [1, [2, 3]]],
  ['[ kind |-> "open", pid |-> 1 ]', { kind: 'open', pid: 1 }],
  ['( a :> <<>> @@\n  b :> [ up |-> FALSE ] )', { a: [], b: { up: false } }],
])('%s is read as TLC means it', (text, value) => {
  expect(parseValue(text)).toEqual(value);
});

test.each(['', '<<1', '[ kind "open" ]', ')'])('%j is not read as a value', (text) => {
  expect(() => parseValue(text)).toThrow(/TLA\+ value|is missing/);
});

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return [text.slice(0, at), text.slice(at)];
}
