import OpenAI from 'openai';
import { afterEach, describe, expect, test } from 'vitest';
import { billedBy } from './testing/billed.ts';
import { appKey, type Stage, type StageOptions, startStage, until } from './testing/stage.ts';

let stage: Stage;
afterEach(async () => stage.close());

const settled = () => stage.operator.ledger('ledger-1').totals.settled;
const messages = [{ role: 'user' as const, content: 'Hi [[out=30]]' }];

async function connect(options: StageOptions = {}): Promise<OpenAI> {
  stage = await startStage(options);
  return new OpenAI({ apiKey: `chat.${appKey}`, baseURL: `${stage.sidecar.origin}/v1`, maxRetries: 0 });
}

/** Deployments that answered, in order. */
const answered = () => stage.emulator.books.read().entries.map(({ deployment }) => deployment);

describe('the OpenAI client with nothing but a base URL and a key', () => {
  test('completes and streams by model name', async () => {
    const openai = await connect();
    const request = { model: 'gpt-4o-mini', messages, max_tokens: 60 };
    const answer = await openai.chat.completions.create(request);
    expect(answer.usage?.completion_tokens).toBe(30);
    let text = '';
    for await (const chunk of await openai.chat.completions.create({ ...request, stream: true }))
      text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe(answer.choices[0]?.message.content);
    expect(answered()).toEqual(['d000000000000003', 'd000000000000003']);
    await until(() => settled() === billedBy(stage.emulator));
  });

  test.each([
    { name: 'gpt-4o', deployment: 'd000000000000001' },
    { name: 'gpt-4o@latest', deployment: 'd000000000000001' },
    { name: 'gpt-4o@2024-11-20', deployment: 'd000000000000001' },
    { name: 'gpt-4o@2024-05-13', deployment: 'd000000000000002' },
  ])('reaches the deployment of $name', async ({ name, deployment }) => {
    const openai = await connect({ cap: '100' });
    await openai.chat.completions.create({ model: name, messages, max_tokens: 60 });
    expect(answered()).toEqual([deployment]);
    await until(() => settled() === billedBy(stage.emulator));
  });

  test('embeds texts, decoding what it asked for', async () => {
    const openai = await connect();
    const answer = await openai.embeddings.create({
      model: 'text-embedding-ada-002',
      input: ['capacity', 'unit'],
    });
    expect(answer.data).toHaveLength(2);
    expect(answer.data[0]?.embedding).toHaveLength(16);
    expect(answer.usage.prompt_tokens).toBe(3);
    await until(() => settled() > 0n && settled() === billedBy(stage.emulator));
  });

  test('lists the models that can be called', async () => {
    const openai = await connect({ budget: { allowedModels: ['gpt-4*'] } });
    const names: string[] = [];
    for await (const model of openai.models.list()) names.push(model.id);
    expect(names).toEqual([
      'gpt-4.1',
      'gpt-4.1@2025-04-14',
      'gpt-4.1@latest',
      'gpt-4o',
      'gpt-4o-mini',
      'gpt-4o-mini@2024-07-18',
      'gpt-4o@2024-05-13',
      'gpt-4o@2024-11-20',
      'gpt-4o@latest',
    ]);
    expect(await openai.models.retrieve('gpt-4o')).toMatchObject({
      object: 'model',
      owned_by: 'azure-openai',
    });
  });

  test('is told which models there are when it names another', async () => {
    const openai = await connect({ budget: { allowedModels: ['gpt-4o-mini'] } });
    const call = openai.chat.completions.create({ model: 'gpt-9', messages });
    await expect(call).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      message: expect.stringContaining('gpt-4o-mini, gpt-4o-mini@2024-07-18'),
    });
    await expect(openai.models.retrieve('gpt-9')).rejects.toMatchObject({ status: 404 });
    expect(answered()).toEqual([]);
  });

  test('sees the denial of an embedding with its numbers', async () => {
    const openai = await connect({ cap: '0.000001' });
    const call = openai.embeddings.create({ model: 'text-embedding-ada-002', input: 'x'.repeat(500) });
    await expect(call).rejects.toMatchObject({
      status: 429,
      code: 'insufficient_quota',
      error: { sapaibudget: { reason: 'exhausted', cap: '0.000001' } },
    });
  });

  test('has an embedding held that came without usage', async () => {
    const openai = await connect();
    await openai.embeddings.create({ model: 'text-embedding-ada-002', input: 'x [[fault=no-usage]]' });
    await until(() => stage.operator.ledger('ledger-1').totals.held >= billedBy(stage.emulator));
    expect(settled()).toBe(0n);
  });
});
