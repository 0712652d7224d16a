import { describe, expect, test } from 'vitest';
import { ask, connect, deploymentIds, launch } from '../test-client.ts';

/** A day on which the factor 2.24038 was in force. */
const oldFactorDay = Date.parse('2025-03-01T12:00:00Z');
/** Enough text for 3,500 prompt tokens. */
const filler = 'lorem ipsum '.repeat(400);

describe('the books', () => {
  test('hold the exact price of 3,500 in and 300 out at the factor of the day', async () => {
    const { emulator, client } = await launch({ now: () => oldFactorDay });
    await (await client.chat(ask(`[[in=3500]][[out=300]] ${filler}`))).json();
    expect(emulator.books.read()).toMatchObject({
      totals: { requests: 1, running: 0, usageDelivered: 1, capacityUnits: '0.0109330544' },
      entries: [
        {
          sequence: 1,
          state: 'finished',
          deployment: deploymentIds.gpt4oMini,
          model: 'gpt-4o-mini',
          version: '2024-07-18',
          resourceGroup: 'default',
          at: '2025-03-01T12:00:00.000Z',
          stream: false,
          promptTokens: 3500,
          cachedTokens: 0,
          outputTokens: 300,
          reasoningTokens: 0,
          factor: '2.24038',
          capacityUnits: '0.0109330544',
          usageDelivered: true,
          clientLeft: false,
          limit: null,
          naturalTokens: 300,
          cutShort: false,
          finishReason: 'stop',
        },
      ],
    });
  });

  test('name each inference by the request id that the client was given', async () => {
    const { emulator, client } = await launch();
    const response = await client.chat(ask('hi'));
    const requestId = response.headers.get('x-request-id') ?? '';
    expect(response.headers.get('ai-inference-id')).toBe(requestId);
    expect(response.headers.get('x-upstream-service-time')).toMatch(/^\d+$/);
    expect(emulator.books.read({ requestId }).entries).toHaveLength(1);
  });

  test('keep tenants apart', async () => {
    const { emulator, client } = await launch();
    const other = await connect(emulator, 1);
    await (await client.chat(ask('[[out=10]]'))).text();
    await (await other.chat(ask('[[out=20]]'))).text();
    const { clientid } = emulator.serviceKey(1);
    const page = emulator.books.read({ clientId: clientid });
    expect(page.totals).toMatchObject({ requests: 1, outputTokens: 20 });
    expect(page.entries.map((entry) => entry.clientId)).toEqual([clientid]);
    expect(emulator.books.read().totals).toMatchObject({ requests: 2, outputTokens: 30 });
  });

  test('are the same over the admin API, page by page, and empty after a reset', async () => {
    const { emulator, client } = await launch();
    for (const out of [1, 2, 3]) {
      await (await client.chat(ask(`[[out=${out}]]`))).text();
    }
    const first = await (await fetch(`${emulator.url}/__emulator/books?limit=2`)).json();
    expect(first).toEqual(structuredClone(emulator.books.read({ limit: 2 })));
    expect(first).toMatchObject({ next: 2, entries: [{ outputTokens: 1 }, { outputTokens: 2 }] });
    const second: unknown = await (await fetch(`${emulator.url}/__emulator/books?since=2`)).json();
    expect(second).toMatchObject({ entries: [{ outputTokens: 3 }], totals: { requests: 3 } });
    expect(second).not.toHaveProperty('next');
    await fetch(`${emulator.url}/__emulator/reset`, { method: 'POST' });
    expect(emulator.books.read()).toMatchObject({ totals: { requests: 0, capacityUnits: '0' }, entries: [] });
  });

  test('drop old entries but never their sums', async () => {
    const { emulator, client } = await launch({ config: { maxEntries: 2 } });
    for (const out of [1, 2, 3, 4, 5]) {
      await (await client.chat(ask(`[[out=${out}]]`))).text();
    }
    const { entries, totals } = emulator.books.read();
    expect(entries.map((entry) => entry.outputTokens)).toEqual([4, 5]);
    expect(totals).toMatchObject({ requests: 5, outputTokens: 15 });
  });
});

describe('a JSON answer', () => {
  test('reports cached and reasoning tokens as parts of prompt and completion', async () => {
    const { emulator, client } = await launch();
    const content = `[[cached=1024]][[out=80]][[reasoning=50]] ${filler}`;
    const answer: unknown = await (
      await client.chat(ask(content), { deployment: deploymentIds.gpt41 })
    ).json();
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'gpt-4.1-2025-04-14',
      choices: [{ finish_reason: 'stop', content_filter_results: { hate: { filtered: false } } }],
      prompt_filter_results: [{ prompt_index: 0 }],
      usage: {
        completion_tokens: 80,
        completion_tokens_details: { reasoning_tokens: 50 },
        prompt_tokens_details: { cached_tokens: 1024 },
      },
    });
    expect(emulator.books.read().entries).toMatchObject([{ cachedTokens: 1024, reasoningTokens: 50 }]);
  });

  test('is the same for the same prompt', async () => {
    const { client } = await launch();
    const [first, second] = await Promise.all([client.chat(ask('hello')), client.chat(ask('hello'))]);
    const [one, two] = [await first.json(), await second.json()];
    expect(one).toHaveProperty('usage');
    expect(Reflect.get(Object(one), 'usage')).toEqual(Reflect.get(Object(two), 'usage'));
    expect(Reflect.get(Object(one), 'choices')).toEqual(Reflect.get(Object(two), 'choices'));
  });

  test('ends at the limit it was given and is booked as cut short', async () => {
    const { emulator, client } = await launch();
    const answer: unknown = await (await client.chat(ask('[[out=300]]', { max_tokens: 100 }))).json();
    expect(answer).toMatchObject({
      choices: [{ finish_reason: 'length' }],
      usage: { completion_tokens: 100 },
    });
    expect(emulator.books.read().entries).toMatchObject([
      { limit: 100, naturalTokens: 300, outputTokens: 100, cutShort: true, finishReason: 'length' },
    ]);
  });

  test('that ends at the limit of the model is not booked as cut short', async () => {
    const { emulator, client } = await launch();
    await (await client.chat(ask('[[out=999999]]'))).text();
    expect(emulator.books.read().entries).toMatchObject([
      { limit: null, outputTokens: 16_384, cutShort: false, finishReason: 'length' },
    ]);
  });

  test('costs the output of every choice', async () => {
    const { emulator, client } = await launch();
    const answer: unknown = await (await client.chat(ask('[[out=20]]', { n: 3 }))).json();
    expect(answer).toMatchObject({
      choices: [{ index: 0 }, { index: 1 }, { index: 2 }],
      usage: { completion_tokens: 60 },
    });
    expect(emulator.books.read().totals.outputTokens).toBe(60);
  });
});
