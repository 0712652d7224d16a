import { AzureOpenAiChatClient } from '@sap-ai-sdk/foundation-models';
import OpenAI from 'openai';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { formatAmount } from '../accounting/amount.ts';
import { billedBy } from './testing/billed.ts';
import { appKey, miniDeployment, type Stage, startStage, until } from './testing/stage.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let stage: Stage;
afterEach(async () => stage.close());

const settled = () => stage.operator.ledger('ledger-1').totals.settled;
const held = () => stage.operator.ledger('ledger-1').totals.held;
const stream = { stream: true, max_tokens: 400 };

const billed = () => billedBy(stage.emulator);

describe('a stream', () => {
  test('says its cost in a comment before [DONE] and shows no usage that was not asked for', async () => {
    stage = await startStage();
    const text = await (await stage.chat('Hello [[out=40]]', stream)).text();
    expect(text).not.toContain('"usage"');
    expect(text).toMatch(
      /: sapaibudget cu-actual=[\d.]+ cu-input=[\d.]+ cu-output=[\d.]+\n\ndata: \[DONE\]\n\n$/,
    );
    await until(() => settled() > 0n);
    expect(settled()).toBe(billed());
    expect(text).toContain(`cu-actual=${formatAmount(settled())} `);
  });

  test('keeps usage where the client asked for it', async () => {
    stage = await startStage();
    const body = { ...stream, stream_options: { include_usage: true } };
    const text = await (await stage.chat('Hello [[out=40]]', body)).text();
    expect(text).toContain('"usage":null');
    expect(text).toContain('"completion_tokens":40');
  });

  test.each(['split-bytes', 'usage-on-finish', 'no-done', 'slow-chunks'])(
    'is metered exactly with %s',
    async (fault) => {
      stage = await startStage();
      const text = await (
        await stage.chat(`Grüße 🌍 [[out=33]][[delay=1]][[fault=${fault}]]`, stream)
      ).text();
      expect(text).toContain(': sapaibudget cu-actual=');
      expect(text).not.toContain('"usage"');
      await until(() => settled() > 0n);
      expect(settled()).toBe(billed());
    },
  );

  test.each([
    { fault: 'no-usage', reason: 'usage_missing' },
    { fault: 'stream-error', reason: 'upstream_error' },
    { fault: 'abrupt-close', reason: 'connection_lost' },
  ])('with $fault is held as $reason', async ({ fault, reason }) => {
    stage = await startStage();
    const answer = await stage.chat(`Hello [[out=33]][[fault=${fault}]]`, stream);
    await answer.text();
    await until(() => held() > 0n);
    const row = [...stage.operator.ledger('ledger-1').rows.values()][0];
    expect(row?.unknownCosts).toMatchObject([{ reason, count: 1 }]);
    expect(formatAmount(held())).toBe(answer.headers.get('sapaibudget-cu-reserved'));
    expect(billed()).toBeLessThanOrEqual(held());
  });

  test('is read to its end after the client has gone', async () => {
    stage = await startStage();
    const leaving = new AbortController();
    const answer = await stage.chat('Hello [[out=200]][[delay=2]][[fault=slow-chunks]]', stream, {
      signal: leaving.signal,
    });
    await answer.body?.getReader().read();
    leaving.abort();
    await until(() => settled() > 0n);
    expect(settled()).toBe(billed());
    expect(held()).toBe(0n);
  });

  test('is given up when it takes too long after the client has gone, and held', async () => {
    stage = await startStage({ env: { SAPAIBUDGET_READ_ON_SECONDS: '0.02' } });
    const leaving = new AbortController();
    const answer = await stage.chat('Hello [[out=400]][[delay=20]][[fault=slow-chunks]]', stream, {
      signal: leaving.signal,
    });
    await answer.body?.getReader().read();
    leaving.abort();
    await until(() => held() > 0n);
    const row = [...stage.operator.ledger('ledger-1').rows.values()][0];
    expect(row?.unknownCosts).toMatchObject([{ reason: 'read_bound' }]);
  });
});

describe('the clients', () => {
  test('SAP’s own SDK calls and streams, configured by its environment alone', async () => {
    stage = await startStage();
    const { origin } = stage.sidecar;
    const key = {
      clientid: `chat.${appKey}`,
      clientsecret: appKey,
      url: origin,
      serviceurls: { AI_API_URL: origin },
    };
    vi.stubEnv(
      'AICORE_SERVICE_KEY',
      JSON.stringify({ ...key, identityzone: 'z', identityzoneid: 'z', appname: 'a' }),
    );
    const client = new AzureOpenAiChatClient('gpt-4o-mini');
    const answer = await client.run({
      messages: [{ role: 'user', content: 'Hello [[out=20]]' }],
      max_tokens: 50,
    });
    expect(answer.getTokenUsage()?.completion_tokens).toBe(20);
    const streamed = await client.stream({
      messages: [{ role: 'user', content: 'Hello [[out=24]]' }],
      max_tokens: 50,
    });
    let content = '';
    for await (const chunk of streamed.stream) content += chunk.getDeltaContent() ?? '';
    expect(content).not.toBe('');
    expect(streamed.getTokenUsage()?.completion_tokens).toBe(24);
    vi.unstubAllEnvs();
    await until(() => settled() === billed());
  });

  test('the OpenAI SDK calls and streams on a deployment’s path', async () => {
    stage = await startStage();
    const openai = new OpenAI({
      apiKey: `chat.${appKey}`,
      baseURL: `${stage.sidecar.origin}/v2/inference/deployments/${miniDeployment}`,
      defaultQuery: { 'api-version': '2024-10-21' },
    });
    const request = {
      model: 'gpt-4o-mini',
      messages: [{ role: 'user' as const, content: 'Hi [[out=30]]' }],
      max_tokens: 60,
    };
    const answer = await openai.chat.completions.create(request);
    expect(answer.usage?.completion_tokens).toBe(30);
    const chunks = await openai.chat.completions.create({ ...request, stream: true });
    let usageSeen = false;
    for await (const chunk of chunks) usageSeen ||= 'usage' in chunk;
    expect(usageSeen).toBe(false);
    await until(() => settled() === billed());
  });

  test('the OpenAI SDK sees a denial once, with its numbers', async () => {
    stage = await startStage({ cap: '0.001' });
    const openai = new OpenAI({
      apiKey: `chat.${appKey}`,
      baseURL: `${stage.sidecar.origin}/v2/inference/deployments/${miniDeployment}`,
    });
    const call = openai.chat.completions.create({
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: 'x'.repeat(4000) }],
    });
    await expect(call).rejects.toMatchObject({
      status: 429,
      code: 'insufficient_quota',
      error: {
        sapaibudget: { reason: 'exhausted', budget: 'team-a/chat', cap: '0.001', spent: '0', held: '0' },
      },
    });
    expect(stage.emulator.books.read().entries).toEqual([]);
  });
});

test('a denial names who holds what the request would need', async () => {
  stage = await startStage({ cap: '0.02' });
  await (await stage.chat('Hello [[out=33]][[fault=no-usage]]', { max_tokens: 1000 })).text();
  await until(() => held() > 0n);
  const answer = await stage.chat('x'.repeat(20_000));
  expect(answer.status).toBe(429);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(answer.headers.get('retry-after')).toBeNull();
  const body: unknown = await answer.json();
  expect(body).toMatchObject({ error: { sapaibudget: { held: formatAmount(held()), reserved: '0' } } });
});
