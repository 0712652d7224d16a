import { AzureOpenAiEmbeddingClient } from '@sap-ai-sdk/foundation-models';
import {
  type ChatMessage,
  OrchestrationClient,
  OrchestrationEmbeddingClient,
} from '@sap-ai-sdk/orchestration';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { billedBy } from './testing/billed.ts';
import { appKey, type Stage, startStage, until } from './testing/stage.ts';

let stage: Stage;

// One stage for all: SAP's client remembers tokens and deployments for the life of the process.
beforeAll(async () => {
  stage = await startStage({ cap: '2' });
  const { origin } = stage.sidecar;
  vi.stubEnv(
    'AICORE_SERVICE_KEY',
    JSON.stringify({
      clientid: `chat.${appKey}`,
      clientsecret: appKey,
      url: origin,
      serviceurls: { AI_API_URL: origin },
    }),
  );
});

let requestsBefore = 0;
beforeEach(() => {
  requestsBefore = stage.emulator.books.read().totals.requests;
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await stage.close();
});

/** Resolves when one more request is booked, and all are booked as they were billed. */
async function bookedAsBilled(): Promise<void> {
  await until(
    () =>
      stage.emulator.books.read().totals.requests === requestsBefore + 1 &&
      stage.operator.ledger('ledger-1').totals.settled === billedBy(stage.emulator),
  );
}

const messages: ChatMessage[] = [{ role: 'user', content: 'Hello {{?name}} [[out=40]]' }];
const request = { placeholderValues: { name: 'World' } };

function templating(name: string, template = messages) {
  return { promptTemplating: { prompt: { template }, model: { name, params: { max_tokens: 200 } } } };
}

describe("SAP's embedding client", () => {
  test('embeds on the deployment it finds', async () => {
    const answer = await new AzureOpenAiEmbeddingClient('text-embedding-ada-002').run({
      input: 'capacity unit',
    });
    expect(answer.getEmbedding()).toHaveLength(16);
    await bookedAsBilled();
  });
});

describe("SAP's orchestration client", () => {
  test('completes, and sees its usage with the cost beside it', async () => {
    const answer = await new OrchestrationClient(templating('gpt-4o-mini')).chatCompletion(request);
    expect(answer.getContent()).not.toBe('');
    expect(answer.getTokenUsage()).toMatchObject({
      completion_tokens: 40,
      capacity_units_input: expect.any(Number),
      capacity_units_output: expect.any(Number),
    });
    await bookedAsBilled();
  });

  test('streams, and sees its usage with the cost beside it', async () => {
    const answer = await new OrchestrationClient(templating('gpt-4o-mini')).stream(request);
    let text = '';
    let usage: unknown;
    for await (const chunk of answer.stream) {
      text += chunk.getDeltaContent() ?? '';
      usage = chunk.getTokenUsage() ?? usage;
    }
    expect(text.trim().split(' ')).toHaveLength(40);
    expect(answer.getTokenUsage()).toMatchObject({ completion_tokens: 40 });
    expect(usage).toMatchObject({ completion_tokens: 40, capacity_units_output: expect.any(Number) });
    await bookedAsBilled();
  });

  test('falls back, and is booked for the model that answered', async () => {
    stage.emulator.addFault({ fault: 'throttled', match: { model: 'gpt-4o' } });
    const fallback = new OrchestrationClient([templating('gpt-4o'), templating('gpt-4o-mini')]);
    expect((await fallback.chatCompletion(request)).getContent()).not.toBe('');
    await bookedAsBilled();
  });

  test('embeds', async () => {
    const embedding = new OrchestrationEmbeddingClient({
      embeddings: { model: { name: 'text-embedding-ada-002' } },
    });
    const answer = await embedding.embed({ input: ['capacity', 'unit'], type: 'document' });
    expect(answer.getEmbeddings()).toHaveLength(2);
    expect(answer.getTokenUsage()).toMatchObject({ prompt_tokens: 3, capacity_units_output: 0 });
    await bookedAsBilled();
  });

  test('sees a denial once, in the words of orchestration', async () => {
    const long = templating('gpt-4.1', [{ role: 'user', content: 'x'.repeat(1_100_000) }]);
    const call = new OrchestrationClient(long).chatCompletion();
    const refusal: unknown = await call.catch((error: unknown) => error);
    expect(Reflect.get(Object(refusal), 'cause')).toHaveProperty('response.status', 429);
    expect(Reflect.get(Object(refusal), 'cause')).toHaveProperty(
      'response.data.error',
      expect.objectContaining({
        code: 429,
        sapaibudget: expect.objectContaining({ reason: 'exhausted', cap: '2' }),
      }),
    );
    expect(stage.emulator.books.read().totals.requests).toBe(requestsBefore);
  });
});
