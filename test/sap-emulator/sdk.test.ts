import { AzureOpenAiChatClient } from '@sap-ai-sdk/foundation-models';
import { AzureOpenAI } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startEmulator } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { deploymentIds, requestToken } from './test-client.ts';

const environmentBefore = process.env['AICORE_SERVICE_KEY'];
let emulator: Emulator;

// One emulator for all: SAP's client remembers tokens and deployments for the life of the process.
beforeAll(async () => {
  emulator = await startEmulator();
  process.env['AICORE_SERVICE_KEY'] = JSON.stringify(emulator.serviceKey());
});

beforeEach(() => emulator.reset());

afterAll(async () => {
  if (environmentBefore === undefined) {
    delete process.env['AICORE_SERVICE_KEY'];
  } else {
    process.env['AICORE_SERVICE_KEY'] = environmentBefore;
  }
  await emulator.close();
});

const messages = [{ role: 'user' as const, content: 'How much is left? [[out=40]]' }];

async function connectOpenAi(): Promise<AzureOpenAI> {
  const { access_token: token } = z
    .object({ access_token: z.string() })
    .parse(await (await requestToken(emulator)).json());
  return new AzureOpenAI({
    baseURL: `${emulator.url}/v2/inference/deployments/${deploymentIds.gpt4oMini}`,
    apiVersion: '2024-10-21',
    azureADTokenProvider: async () => token,
    defaultHeaders: { 'AI-Resource-Group': 'default' },
    maxRetries: 0,
  });
}

describe("SAP's own client", () => {
  test('completes a chat, and its usage is what the books say', async () => {
    const response = await new AzureOpenAiChatClient('gpt-4o-mini').run({ messages });
    const usage = response.getTokenUsage();
    expect(response.getContent()).toMatch(/\w/);
    expect(response.getFinishReason()).toBe('stop');
    expect(emulator.books.read().entries).toMatchObject([
      { promptTokens: usage?.prompt_tokens, outputTokens: usage?.completion_tokens, usageDelivered: true },
    ]);
    expect(usage?.completion_tokens).toBe(40);
  });

  test('streams a chat, and its usage is what the books say', async () => {
    const response = await new AzureOpenAiChatClient({ modelName: 'gpt-5', modelVersion: 'latest' }).stream({
      messages: [{ role: 'user', content: '[[out=100]][[reasoning=60]]' }],
      max_completion_tokens: 200,
    });
    let text = '';
    for await (const chunk of response.stream) {
      text += chunk.getDeltaContent() ?? '';
    }
    expect(text.trim().split(' ')).toHaveLength(40);
    expect(response.getFinishReason()).toBe('stop');
    const usage = response.getTokenUsage();
    expect(usage).toMatchObject({ completion_tokens: 100 });
    expect(emulator.books.read().entries).toMatchObject([
      {
        model: 'gpt-5',
        limit: 200,
        promptTokens: usage?.prompt_tokens,
        outputTokens: 100,
        reasoningTokens: 60,
        cutShort: false,
        usageDelivered: true,
      },
    ]);
  });

  test('finds no model that is only deployed in another resource group', async () => {
    const client = new AzureOpenAiChatClient({ modelName: 'gpt-4.1', resourceGroup: 'team-a' });
    await expect(client.run({ messages })).rejects.toThrow('No deployment matched');
    const inTeamA = new AzureOpenAiChatClient({ modelName: 'gpt-4o-mini', resourceGroup: 'team-a' });
    await inTeamA.run({ messages });
    expect(emulator.books.read().entries).toMatchObject([
      { resourceGroup: 'team-a', deployment: deploymentIds.teamA },
    ]);
  });

  test('sees a refusal as an error that carries its body', async () => {
    const content = 'x [[fault=throttled]]';
    const call = new AzureOpenAiChatClient('gpt-4o-mini').run({ messages: [{ role: 'user', content }] });
    await expect(call).rejects.toMatchObject({
      cause: { response: { status: 429, data: { error: { message: 'exceeded token rate limit' } } } },
    });
  });
});

describe('the OpenAI client', () => {
  test('completes and streams a chat', async () => {
    const client = await connectOpenAi();
    const answer = await client.chat.completions.create({ model: 'gpt-4o-mini', messages });
    expect(answer.usage?.completion_tokens).toBe(40);
    const stream = await client.chat.completions.create({
      model: 'gpt-4o-mini',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let completionTokens = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      completionTokens = chunk.usage?.completion_tokens ?? completionTokens;
    }
    expect(text).toBe(answer.choices[0]?.message.content);
    expect(completionTokens).toBe(40);
    expect(emulator.books.read().totals).toMatchObject({ requests: 2, usageDelivered: 2, outputTokens: 80 });
  });

  test('raises the error that comes inside a stream', async () => {
    const client = await connectOpenAi();
    const stream = await client.chat.completions.create({
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: '[[fault=stream-error]]' }],
      stream: true,
    });
    const read = async (): Promise<void> => {
      for await (const chunk of stream) {
        expect(chunk).toHaveProperty('choices');
      }
    };
    await expect(read()).rejects.toThrow('exceeded token rate limit');
  });
});
