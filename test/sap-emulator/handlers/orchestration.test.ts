import { describe, expect, test } from 'vitest';
import type { EmulatorOptions } from '../emulator.ts';
import { deploymentIds, launch, parseStream } from '../test-client.ts';

interface Entry {
  model?: string;
  version?: string;
  content?: string;
  params?: object;
  maxRetries?: number;
}

function modules(entry: Entry): object {
  const { model = 'gpt-4o-mini', version = 'latest', content = 'Hello {{?name}}', params = {} } = entry;
  return {
    prompt_templating: {
      prompt: { template: [{ role: 'user', content }] },
      model: { name: model, version, params, max_retries: entry.maxRetries ?? 0 },
    },
  };
}

const placeholder_values = { name: 'World' };

async function start(options: EmulatorOptions = {}) {
  const { emulator, client } = await launch(options);
  const complete = (config: object, rest: object = { placeholder_values }) =>
    client.infer(deploymentIds.orchestration, 'v2/completion', { config, ...rest });
  return { emulator, complete, entries: () => emulator.books.read().entries };
}

describe('an answer of orchestration', () => {
  test('has the filled template, usage in both results, and a line in the books', async () => {
    const { complete, entries } = await start();
    const response = await complete({ modules: modules({ content: 'Hello {{?name}} [[out=10]]' }) });
    const body: unknown = await response.json();
    const usage = { prompt_tokens: expect.any(Number), completion_tokens: 10 };
    expect(body).toMatchObject({
      request_id: expect.any(String),
      intermediate_results: {
        templating: [{ role: 'user', content: 'Hello World [[out=10]]' }],
        llm: { model: 'gpt-4o-mini-2024-07-18', usage },
      },
      final_result: {
        object: 'chat.completion',
        choices: [{ index: 0, message: { role: 'assistant' }, finish_reason: 'stop' }],
        usage,
      },
    });
    expect(body).not.toHaveProperty('intermediate_failures');
    expect(entries()).toMatchObject([{ model: 'gpt-4o-mini', outputTokens: 10, usageDelivered: true }]);
  });

  test('counts history and every placed value', async () => {
    const { complete, entries } = await start();
    await complete({ modules: modules({}) });
    await complete({ modules: modules({ content: 'Hello {{?name}} {{ ?name }}' }) });
    await complete(
      { modules: modules({}) },
      { placeholder_values, messages_history: [{ role: 'assistant', content: 'Before all that' }] },
    );
    const [plain = 0, twice = 0, history = 0] = entries().map(({ promptTokens }) => promptTokens);
    expect(twice).toBeGreaterThan(plain);
    expect(history).toBeGreaterThan(plain);
  });

  test('of another provider is priced by its own rates', async () => {
    const { complete, entries } = await start();
    const name = 'anthropic--claude-4-sonnet';
    const content = 'Hello to you, whoever you are [[in=10]][[out=100]]';
    await complete({ modules: modules({ model: name, version: '1', content, params: { max_tokens: 200 } }) });
    // (10 × 0.00204 + 100 × 0.00988) / 1000 × 1.90385
    expect(entries()).toMatchObject([{ model: name, limit: 200, capacityUnits: '0.00191984234' }]);
  });
});

describe('a stream of orchestration', () => {
  const stream = { enabled: true, chunk_size: 10 };

  test('begins with the template and has usage only where the parameters ask for it', async () => {
    const { complete, entries } = await start();
    const asked = { content: 'Hi [[out=8]]', params: { stream_options: { include_usage: true } } };
    const text = await (await complete({ modules: modules(asked), stream })).text();
    const { chunks, done } = parseStream(text);
    expect(done).toBe(true);
    expect(chunks[0]).toMatchObject({
      intermediate_results: { templating: [{ content: 'Hi [[out=8]]' }] },
      final_result: { id: '', choices: [{ delta: { content: '' } }] },
    });
    const usage = { completion_tokens: 8 };
    expect(chunks.at(-1)).toMatchObject({
      intermediate_results: { llm: { usage } },
      final_result: { usage, choices: [{ finish_reason: 'stop' }] },
    });
    const silent = await (await complete({ modules: modules({ content: 'Hi [[out=8]]' }), stream })).text();
    expect(silent).not.toContain('usage');
    expect(entries()).toMatchObject([{ usageDelivered: true }, { usageDelivered: false, outputTokens: 8 }]);
  });

  test('that is filtered reports usage 0 for text that is billed', async () => {
    const { complete, entries } = await start();
    const params = { stream_options: { include_usage: true } };
    const content = '[[out=30]][[fault=output-filtered]]';
    const text = await (await complete({ modules: modules({ content, params }), stream })).text();
    const { chunks, done } = parseStream(text);
    expect(done).toBe(false);
    expect(chunks.at(-1)).toMatchObject({
      intermediate_results: { output_filtering: { message: expect.any(String) } },
      final_result: { choices: [{ finish_reason: 'content_filter' }], usage: { total_tokens: 0 } },
    });
    expect(entries()).toMatchObject([{ outputTokens: 30, usageDelivered: false }]);
  });

  test.each([
    { name: 'a version nobody has', entry: { version: 'wrong' }, code: 400, billed: 0 },
    { name: 'a provider that throttles', entry: { content: '[[fault=throttled]]' }, code: 429, billed: 0 },
    { name: 'a provider that breaks', entry: { content: '[[fault=http-500]]' }, code: 500, billed: 1 },
    { name: 'an error in the middle', entry: { content: '[[fault=stream-error]]' }, code: 429, billed: 1 },
  ])('ends in an error event for $name', async ({ entry, code, billed }) => {
    const { complete, entries } = await start();
    const response = await complete({ modules: modules(entry), stream });
    expect(response.status).toBe(200);
    const { chunks, done } = parseStream(await response.text());
    expect(done).toBe(false);
    expect(chunks.at(-1)).toMatchObject({ error: { code, location: 'LLM Module' } });
    expect(entries()).toHaveLength(billed);
  });
});

describe('a list of configurations', () => {
  test('falls back to the next model and tells of the failures before', async () => {
    const { complete, entries } = await start();
    const response = await complete({
      modules: [modules({ model: 'broken_name' }), modules({ model: 'gpt-5', content: 'Hi [[out=70]]' })],
    });
    expect(await response.json()).toMatchObject({
      final_result: { model: 'gpt-5-2025-08-07' },
      intermediate_failures: [{ code: 400, message: '400 - Request Body: Model broken_name not supported.' }],
    });
    expect(entries()).toMatchObject([{ model: 'gpt-5', outputTokens: 70 }]);
  });

  test('that fails throughout answers with a list and the last status', async () => {
    const { emulator, complete, entries } = await start();
    emulator.addFault({ fault: 'throttled', match: { model: 'gpt-5' } });
    const response = await complete({
      modules: [modules({ model: 'broken_name' }), modules({ model: 'gpt-5' })],
    });
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({
      error: [{ code: 400 }, { code: 429, headers: { 'x-retry-after': '30' } }],
    });
    expect(entries()).toEqual([]);
  });

  test('bills every try that may have run a model, retries included', async () => {
    const { emulator, complete, entries } = await start();
    emulator.addFault({ fault: 'http-500', match: { model: 'gpt-4o' } });
    const response = await complete({
      modules: [modules({ model: 'gpt-4o', maxRetries: 2 }), modules({ model: 'gpt-4o-mini' })],
    });
    expect(response.status).toBe(200);
    expect(entries().map(({ model }) => model)).toEqual(['gpt-4o', 'gpt-4o', 'gpt-4o', 'gpt-4o-mini']);
  });
});

describe('a refusal of orchestration', () => {
  test.each([
    { name: 'an unknown member', config: { modules: modules({}), extra: 1 }, location: 'Request Body' },
    {
      name: 'a missing placeholder',
      config: { modules: modules({ content: '{{?nobody}}' }) },
      location: 'Module: Templating',
    },
    {
      name: 'a module that is not emulated',
      config: { modules: { ...modules({}), masking: { providers: [] } } },
      location: 'Request Body',
    },
    {
      name: 'an unknown parameter',
      config: { modules: modules({ params: { surprise: true } }) },
      location: 'LLM Module',
    },
    { name: 'an unknown model', config: { modules: modules({ model: 'x' }) }, location: 'Request Body' },
  ])('names what is wrong with $name, and costs nothing', async ({ config, location }) => {
    const { complete, entries } = await start();
    const response = await complete(config);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: {
        request_id: expect.any(String),
        code: 400,
        location,
        message: expect.stringContaining(location),
      },
    });
    expect(entries()).toEqual([]);
  });

  test('has no envelope where that is configured', async () => {
    const { complete } = await start({ config: { quirks: { flatErrors: true } } });
    const response = await complete({ modules: modules({ model: 'x' }) });
    expect(await response.json()).toMatchObject({ code: 400, location: 'Request Body' });
  });

  test('is for a deployment that does not run orchestration', async () => {
    const { client } = await launch();
    const response = await client.infer(deploymentIds.gpt4oMini, 'v2/completion', {});
    expect(response.status).toBe(404);
  });
});
