import { describe, expect, test } from 'vitest';
import { ChatMeter } from './chat-meter.ts';

function read(meter: ChatMeter, data: string): string {
  const fate = meter.read({ raw: Buffer.from(`data: ${data}\n\n`), data });
  return fate.kind === 'pass' ? fate.raw.toString() : fate.kind;
}

const usage = '{"prompt_tokens":3,"completion_tokens":2}';

describe('for a client that did not ask for usage', () => {
  test.each([
    { name: 'the usage chunk is hidden', data: `{"choices":[],"usage":${usage}}`, want: 'hide' },
    {
      name: 'a null usage at the end is cut out and nothing else touched',
      data: '{"id": "x", "n": 1.0, "choices":[{"delta":{"content":"\\"usage\\":null"}}], "usage": null}',
      want: 'data: {"id": "x", "n": 1.0, "choices":[{"delta":{"content":"\\"usage\\":null"}}]}\n\n',
    },
    {
      name: 'a null usage elsewhere is left out',
      data: '{"usage":null,"id":"x","choices":[]}',
      want: 'data: {"id":"x","choices":[]}\n\n',
    },
    {
      name: 'usage on the finish chunk is left out',
      data: `{"choices":[{"finish_reason":"stop"}],"usage":${usage}}`,
      want: 'data: {"choices":[{"finish_reason":"stop"}]}\n\n',
    },
    {
      name: 'the filter chunk passes',
      data: '{"choices":[],"prompt_filter_results":[]}',
      want: 'data: {"choices":[],"prompt_filter_results":[]}\n\n',
    },
    { name: 'what is not JSON passes', data: 'hello', want: 'data: hello\n\n' },
    { name: 'the end is told', data: '[DONE]', want: 'done' },
  ])('$name', ({ data, want }) => {
    expect(read(new ChatMeter({ usageWanted: false }), data)).toBe(want);
  });
});

test('for a client that asked, everything passes as it came', () => {
  const meter = new ChatMeter({ usageWanted: true });
  const chunk = `{"choices":[] , "usage":${usage}}`;
  expect(read(meter, chunk)).toBe(`data: ${chunk}\n\n`);
  expect(meter.report.usage).toEqual(JSON.parse(usage));
});

test('the last usage counts, and content and errors are noted', () => {
  const meter = new ChatMeter({ usageWanted: false });
  expect([meter.report, meter.failed]).toEqual([{ usage: undefined, hasContent: false }, false]);
  read(meter, '{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}');
  read(meter, '{"choices":[],"usage":{"prompt_tokens":2}}');
  read(meter, '{"error":{"code":"429"}}');
  expect([meter.report, meter.failed]).toEqual([{ usage: { prompt_tokens: 2 }, hasContent: true }, true]);
});

test('only a usage chunk after all choices is final', () => {
  const meter = new ChatMeter({ usageWanted: true });
  read(meter, `{"choices":[{"delta":{"content":"a"}}],"usage":${usage}}`);
  read(meter, `{"choices":[],"prompt_filter_results":[],"usage":${usage}}`);
  read(meter, '{"choices":[]}');
  expect(meter.brokenReport.usage).toBeUndefined();
  read(meter, `{"choices":[],"usage":${usage}}`);
  expect(meter.brokenReport.usage).toEqual(JSON.parse(usage));
});
