import { array, assert, constantFrom, integer, property, record, string } from 'fast-check';
import { expect, test } from 'vitest';
import { promptBound, promptTokens, textTokens } from './prompt-tokens.ts';

test.each([
  { text: '', want: 0 },
  { text: 'word', want: 1 },
  { text: 'words', want: 2 },
  { text: 'two words', want: 4 }, // two, blank, word+s
  { text: 'größer', want: 2 }, // 8 bytes
  { text: '容量', want: 2 }, // 6 bytes
  { text: '1234567890', want: 3 },
])('counts $want tokens in "$text"', ({ text, want }) => {
  expect(textTokens(text)).toBe(want);
});

test('a message costs its content, four for itself and one for its name', () => {
  const message = { role: 'user' as const, content: 'word' };
  expect(promptTokens({ messages: [message] })).toBe(3 + 4 + 1);
  expect(promptTokens({ messages: [{ ...message, name: 'anna' }] })).toBe(3 + 4 + 1 + 1 + 1);
});

test('no prompt has more tokens than bytes and constants', () => {
  const message = record({
    role: constantFrom('user' as const, 'assistant' as const),
    content: string({ unit: 'binary', maxLength: 200 }),
  });
  const tool = record({ type: constantFrom('function'), name: string({ maxLength: 50 }) });
  const requests = record({
    messages: array(message, { minLength: 1, maxLength: 8 }),
    tools: array(tool, { maxLength: 3 }),
    n: integer({ min: 1, max: 4 }),
  });
  assert(
    property(requests, (request) => {
      const bytes = Buffer.byteLength(JSON.stringify(request));
      expect(promptTokens(request)).toBeLessThanOrEqual(promptBound(request));
      expect(promptBound(request)).toBeLessThanOrEqual(bytes + 3 + 4 * 8 + 200 + 12 * 3);
    }),
  );
});
