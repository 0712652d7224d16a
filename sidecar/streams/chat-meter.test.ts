import { assert, boolean, constantFrom, option, property, record, string } from 'fast-check';
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

describe('after the first content', () => {
  const content = string({
    unit: constantFrom('a', '"', '\\', '\n', 'ü', '🌍', 'usage', '"usage":null}', '{', 'error'),
  });
  const chunks = record({
    choices: constantFrom([], [{ delta: {} }]),
    content,
    error: option(constantFrom<unknown>({ code: '429' }, 'none'), { nil: undefined }),
    usage: constantFrom<unknown>(undefined, null, { prompt_tokens: 3 }),
    note: option(constantFrom('usage', 'error'), { nil: undefined }),
    usageFirst: boolean(),
    blanks: boolean(),
  });

  test('a chunk is read and passed on as if each were decoded', () => {
    assert(
      property(chunks, boolean(), ({ usageFirst, blanks, usage: filled, ...rest }, usageWanted) => {
        const chunk = usageFirst ? { usage: filled, ...rest } : { ...rest, usage: filled };
        const meter = new ChatMeter({ usageWanted });
        read(meter, '{"choices":[{"delta":{"content":"a"}}]}');
        const shown = read(meter, JSON.stringify(chunk, null, blanks ? 1 : 0).replaceAll('\n', ''));
        const { usage: _, ...without } = chunk;
        const told = filled !== undefined && filled !== null;
        const hidden = told && !usageWanted && rest.choices.length === 0;
        const seen: unknown = shown === 'hide' ? undefined : JSON.parse(shown.slice('data: '.length));
        const passed: unknown = JSON.parse(JSON.stringify(usageWanted ? chunk : without));
        expect(seen).toEqual(hidden ? undefined : passed);
        expect(meter.report).toEqual({ usage: filled ?? undefined, hasContent: true });
        expect(meter.failed).toBe(typeof rest.error === 'object');
      }),
    );
  });

  test.each([
    { name: 'an escaped name', data: '{"choices":[],"\\u0075sage":{"prompt_tokens":3}}', tokens: 3 },
    { name: 'usage in the middle', data: '{"usage":{"prompt_tokens":4},"choices":[]}', tokens: 4 },
    { name: 'a second usage', data: '{"usage":{"prompt_tokens":5},"x":{"usage":null}}', tokens: 5 },
  ])('$name is found', ({ data, tokens }) => {
    const meter = new ChatMeter({ usageWanted: true });
    read(meter, '{"choices":[{"delta":{"content":"a"}}]}');
    read(meter, data);
    expect(meter.report.usage).toEqual({ prompt_tokens: tokens });
  });
});
