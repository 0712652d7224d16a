import { describe, expect, test } from 'vitest';
import { ask, launch, parseStream, until } from '../test-client.ts';

/** The choices of each chunk: what is left when ids and times differ. */
function deltas(chunks: unknown[]): unknown[] {
  return chunks.map((chunk) => Reflect.get(Object(chunk), 'choices'));
}

describe('a stream', () => {
  const streamed = { stream: true };
  const withUsage = { stream: true, stream_options: { include_usage: true } };

  test('speaks the dialect of Azure behind AI Core', async () => {
    const { emulator, client } = await launch();
    const response = await client.chat(ask('[[out=8]]', withUsage));
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const { chunks, done } = parseStream(await response.text());
    expect(done).toBe(true);
    expect(chunks).toMatchObject([
      { choices: [], id: '', model: '', prompt_filter_results: [{ prompt_index: 0 }] },
      { choices: [{ delta: { role: 'assistant', content: '' }, finish_reason: null }], usage: null },
      { choices: [{ content_filter_results: { hate: { severity: 'safe' } } }], usage: null },
      { choices: [{ delta: { content: expect.stringMatching(/./) } }], usage: null },
      { choices: [{ delta: {}, finish_reason: 'stop' }], usage: null },
      { choices: [], usage: { completion_tokens: 8 } },
    ]);
    expect(emulator.books.read().entries).toMatchObject([
      { stream: true, usageDelivered: true, outputTokens: 8 },
    ]);
  });

  test('has no usage where none was asked for, and is billed all the same', async () => {
    const { emulator, client } = await launch();
    const text = await (await client.chat(ask('[[out=8]]', streamed))).text();
    expect(text).not.toContain('usage');
    expect(emulator.books.read().entries).toMatchObject([
      { usageDelivered: false, outputTokens: 8, clientLeft: false },
    ]);
  });

  test('carries usage on the chunk with the finish reason where that is asked for', async () => {
    const { emulator, client } = await launch();
    const text = await (await client.chat(ask('[[fault=usage-on-finish]]', withUsage))).text();
    const { chunks } = parseStream(text);
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
      usage: { prompt_tokens: expect.any(Number) },
    });
    expect(emulator.books.read().totals.usageDelivered).toBe(1);
  });

  test.each([
    { name: 'split inside characters and lines', config: { quirks: { splitBytes: true } } },
    { name: 'with CR LF', config: { quirks: { crlf: true } } },
    { name: 'compressed', config: { quirks: { gzip: true } } },
    { name: 'compressed and split', config: { quirks: { gzip: true, splitBytes: true } } },
  ])('has the same text when $name', async ({ config }) => {
    const before = await launch();
    const plain = parseStream(await (await before.client.chat(ask('[[out=64]]', withUsage))).text());
    const { emulator, client } = await launch({ config });
    const response = await client.chat(ask('[[out=64]]', withUsage), {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(response.headers.get('content-encoding')).toBe(config.quirks.gzip === true ? 'gzip' : null);
    const text = await response.text();
    expect(text.includes('\r\n')).toBe(config.quirks.crlf === true);
    expect(deltas(parseStream(text).chunks)).toEqual(deltas(plain.chunks));
    expect(emulator.books.read().totals).toMatchObject({ requests: 1, usageDelivered: 1 });
  });

  test('is billed in full when the client leaves in the middle', async () => {
    const { emulator, client } = await launch();
    const controller = new AbortController();
    const content = '[[out=400]][[fault=slow-chunks]][[delay=50]]';
    const response = await client.chat(ask(content, withUsage), { signal: controller.signal });
    await response.body?.getReader().read();
    controller.abort();
    await until(() => emulator.books.read().totals.running === 0);
    expect(emulator.books.read().entries).toMatchObject([
      { outputTokens: 400, usageDelivered: false, clientLeft: true, state: 'finished' },
    ]);
  });

  test('whose usage did not arrive is billed at the largest answer where that is configured', async () => {
    const { emulator, client } = await launch({ config: { billMaximum: true } });
    await (await client.chat(ask('[[out=50]]', { ...withUsage, max_tokens: 500 }))).text();
    await (await client.chat(ask('[[out=50]]', { ...streamed, max_tokens: 500, n: 2 }))).text();
    expect(emulator.books.read()).toMatchObject({
      entries: [
        { outputTokens: 50, billedMaximum: false },
        { outputTokens: 1000, billedMaximum: true },
      ],
      totals: { outputTokens: 1050 },
    });
  });
});
