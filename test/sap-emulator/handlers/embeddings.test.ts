import { describe, expect, test } from 'vitest';
import { deploymentIds, launch } from '../test-client.ts';

const azurePath = 'embeddings?api-version=2024-10-21';

describe('embeddings of an Azure deployment', () => {
  test.each([
    { name: 'a text', input: 'capacity unit', vectors: 1 },
    { name: 'several texts', input: ['capacity', 'unit'], vectors: 2 },
    { name: 'tokens', input: [1, 2, 3], vectors: 1 },
    { name: 'several lists of tokens', input: [[1, 2], [3]], vectors: 2 },
  ])('are made and billed for $name', async ({ input, vectors }) => {
    const { emulator, client } = await launch();
    const response = await client.infer(deploymentIds.embedding, azurePath, { input });
    const body: unknown = await response.json();
    expect(body).toMatchObject({
      object: 'list',
      model: 'ada',
      usage: { prompt_tokens: expect.any(Number) },
    });
    expect(Reflect.get(Object(body), 'data')).toHaveLength(vectors);
    const usage: unknown = Reflect.get(Object(body), 'usage');
    expect(emulator.books.read().entries).toMatchObject([
      { outputTokens: 0, promptTokens: Reflect.get(Object(usage), 'prompt_tokens'), usageDelivered: true },
    ]);
  });

  test('come as base64 of little-endian floats where that is asked for', async () => {
    const { client } = await launch();
    const read = async (format: string): Promise<unknown> => {
      const body = { input: 'x', encoding_format: format, dimensions: 4 };
      const answer: unknown = await (await client.infer(deploymentIds.embedding, azurePath, body)).json();
      return Reflect.get(Object(Reflect.get(Object(Reflect.get(Object(answer), 'data')), 0)), 'embedding');
    };
    const bytes = Buffer.from(String(await read('base64')), 'base64');
    const floats = Array.from({ length: 4 }, (_, index) => bytes.readFloatLE(index * 4));
    expect(await read('float')).toEqual(floats);
  });

  test.each([
    { name: 'a chat model', deployment: deploymentIds.gpt4oMini, body: { input: 'x' } },
    { name: 'an empty list', deployment: deploymentIds.embedding, body: { input: [] } },
    { name: 'a field nobody knows', deployment: deploymentIds.embedding, body: { input: 'x', extra: 1 } },
    { name: 'too long a text', deployment: deploymentIds.embedding, body: { input: 'word '.repeat(9000) } },
  ])('are refused for $name, free of charge', async ({ deployment, body }) => {
    const { emulator, client } = await launch();
    const response = await client.infer(deployment, azurePath, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(emulator.books.read().entries).toEqual([]);
  });

  test('fail as asked and are billed where the model may have run', async () => {
    const { emulator, client } = await launch();
    const ask = async (fault: string): Promise<number> =>
      (await client.infer(deploymentIds.embedding, azurePath, { input: `x [[fault=${fault}]]` })).status;
    expect(await ask('throttled')).toBe(429);
    expect(await ask('http-500')).toBe(500);
    expect(await ask('no-usage')).toBe(200);
    expect(emulator.books.read().entries).toMatchObject([{ faults: ['http-500'] }, { faults: ['no-usage'] }]);
  });
});

describe('embeddings of orchestration', () => {
  const config = { modules: { embeddings: { model: { name: 'text-embedding-ada-002' } } } };

  test('are made and billed', async () => {
    const { emulator, client } = await launch();
    const body = { config, input: { text: ['Hello', 'World'], type: 'document' } };
    const response = await client.infer(deploymentIds.orchestration, 'v2/embeddings', body);
    expect(await response.json()).toMatchObject({
      request_id: expect.any(String),
      final_result: {
        object: 'list',
        data: [{ index: 0 }, { index: 1 }],
        model: 'text-embedding-ada-002',
        usage: { prompt_tokens: 4, total_tokens: 4 },
      },
    });
    expect(emulator.books.read().entries).toMatchObject([{ promptTokens: 4, outputTokens: 0 }]);
  });

  test.each([
    {
      name: 'masking',
      body: { config: { modules: { ...config.modules, masking: {} } }, input: { text: 'x' } },
    },
    {
      name: 'a chat model',
      body: { config: { modules: { embeddings: { model: { name: 'gpt-4o' } } } }, input: { text: 'x' } },
    },
    { name: 'a throttled model', body: { config, input: { text: '[[fault=throttled]]' } } },
  ])('are refused for $name in the words of orchestration', async ({ body }) => {
    const { emulator, client } = await launch();
    const response = await client.infer(deploymentIds.orchestration, 'v2/embeddings', body);
    expect(response.ok).toBe(false);
    expect(await response.json()).toMatchObject({
      error: { code: response.status, location: expect.any(String) },
    });
    expect(emulator.books.read().entries).toEqual([]);
  });
});
