import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseAmount } from '../accounting/amount.ts';
import { appKey, miniDeployment, type Stage, startStage, until } from './testing/stage.ts';
import { startWithSap } from './testing/stand-in.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let stage: Stage;
afterEach(() => stage.close());

const totals = () => stage.operator.ledger('ledger-1').totals;
const row = () => stage.operator.ledger('ledger-1').rows.get('pod:under-test');
const billed = () =>
  stage.emulator.books
    .read()
    .entries.reduce((sum, { capacityUnits }) => sum + Number(capacityUnits) * 1e9, 0);
const booked = async () =>
  until(
    () =>
      (row()?.seq ?? 0) > 0 &&
      stage.operator.messages.some((m) => m.kind === 'report' && m.ask === undefined),
  );

describe('an answer of SAP', () => {
  test.each([
    { fault: 'http-400', status: 400, held: false },
    { fault: 'http-403', status: 403, held: false },
    { fault: 'throttled', status: 429, held: false },
    { fault: 'http-503', status: 503, held: false },
    { fault: 'http-500', status: 500, held: true },
    { fault: 'http-502', status: 502, held: true },
    { fault: 'http-504', status: 504, held: true },
    { fault: 'no-usage', status: 200, held: true },
    { fault: 'html-page', status: 200, held: true },
    { fault: 'truncated-json', status: 200, held: true },
    { fault: 'reset', status: 502, held: true },
    { fault: 'abrupt-close', status: 502, held: true },
  ])('with $fault reaches the client as $status; held: $held', async ({ fault, status, held }) => {
    stage = await startStage();
    const answer = await stage.chat(`Hello [[out=20]][[fault=${fault}]]`, { max_tokens: 50 });
    expect(answer.status).toBe(status);
    await answer.text();
    await booked();
    expect(totals().held > 0n).toBe(held);
    expect(totals().settled).toBe(0n);
    expect(billed()).toBeLessThanOrEqual(Number(totals().settled + totals().held));
  });

  test('401 is tried once more with a fresh token', async () => {
    stage = await startStage();
    stage.emulator.addFault({ fault: 'http-401', match: { route: 'chat' }, count: 1 });
    expect((await stage.chat('Hello [[out=5]]')).status).toBe(200);
    expect(stage.operator.tokensGiven).toBe(2);
    expect(stage.emulator.captured.counts()['chat']).toBe(2);
  });

  test('compressed though nobody asked for it is read', async () => {
    const body = JSON.stringify({
      choices: [{ message: { content: 'hi' } }],
      usage: { prompt_tokens: 9, completion_tokens: 1 },
    });
    stage = await startWithSap((_, response) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' })
        .end(gzipSync(body)),
    );
    const answer = await stage.chat('Hello', { max_tokens: 5 });
    expect(await answer.text()).toBe(body);
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect(answer.headers.get('sapaibudget-cu-actual')).not.toBeNull();
  });

  test('that redirects is not followed', async () => {
    stage = await startWithSap((_, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
    );
    const answer = await stage.chat('Hello', { max_tokens: 5 });
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { error: { code: 'upstream_redirect' } },
    ]);
    await until(() => totals().held > 0n);
  });

  test('without anybody listening costs nothing', async () => {
    stage = await startStage({ budget: { apiUrl: 'http://127.0.0.1:9/v2' } });
    const answer = await stage.chat('Hello', { max_tokens: 5 });
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { error: { code: 'upstream_unreachable' } },
    ]);
    await booked();
    expect(totals()).toMatchObject({ settled: 0n, held: 0n });
  });

  test.each([
    { end: 'breaks', last: undefined, reason: 'connection_lost' },
    { end: 'fails', last: '{"error":{"message":"filtered"}}', reason: 'upstream_error' },
  ])('that $end after counting as it went is held: the count was not its last', async ({ last, reason }) => {
    stage = await startWithSap((_, response) => {
      const chunk = `{"choices":[{"delta":{"content":"hi"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}`;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${chunk}\n\n`);
      if (last === undefined) response.write('data: ', () => response.destroy());
      else response.end(`data: ${last}\n\n`);
    });
    await (await stage.chat('Hello', { max_tokens: 50, stream: true })).text();
    await until(() => row()?.unknownCosts[0]?.reason === reason);
    expect(totals().settled).toBe(0n);
  });

  test('longer than is read is held', async () => {
    stage = await startWithSap(
      (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('x'.repeat(5000)),
      { env: { SAPAIBUDGET_MAX_ANSWER_BYTES: '2048' } },
    );
    const answer = await stage.chat('Hello', { max_tokens: 5 });
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { error: { code: 'upstream_answer_too_long' } },
    ]);
    await until(() => row()?.unknownCosts[0]?.reason === 'read_bound');
  });
});

describe('what SAP is sent', () => {
  test('is the decoded body, with our token and without anything of ours or of the hop', async () => {
    stage = await startStage();
    await stage.chat(
      'Hello',
      {},
      {
        headers: {
          'api-key': `chat.${appKey}`,
          cookie: 'a=b',
          'x-usecase': 'u-1',
          'ai-client-type': 'test',
          'sapaibudget-budget': 'chat',
        },
        body: `{"messages":[{"role":"user","content":"first"}],"messages":[{"role":"user","content":"second"}],"max_tokens":7}`,
      },
    );
    const [seen] = stage.emulator.captured.read({ route: 'chat' });
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      messages: [{ role: 'user', content: 'second' }],
      max_tokens: 7,
    });
    expect(seen?.url).toBe(
      `/v2/inference/deployments/${miniDeployment}/chat/completions?api-version=2024-10-21`,
    );
    expect(seen?.headers).toMatchObject({
      'ai-resource-group': 'default',
      'x-usecase': 'u-1',
      'ai-client-type': 'test',
      'accept-encoding': 'identity',
    });
    for (const name of ['cookie', 'api-key', 'sapaibudget-budget'])
      expect(seen?.headers).not.toHaveProperty(name);
    expect(JSON.stringify(seen)).not.toContain(appKey);
  });

  test('names no limit where the client named none and the context is the bound', async () => {
    stage = await startStage({ cap: '100' });
    const answer = await stage.chat('Hello [[out=5]]');
    expect(Object.keys(JSON.parse(stage.emulator.captured.read({ route: 'chat' })[0]?.body ?? ''))).toEqual([
      'messages',
    ]);
    expect(parseAmount(answer.headers.get('sapaibudget-cu-reserved') ?? '')).toBeGreaterThan(
      parseAmount('0.7'),
    );
  });

  test('names the budget’s maximum where the client named no limit', async () => {
    stage = await startStage({ budget: { outputTokens: { maximum: 100, minimum: 16 } } });
    const answer = await stage.chat('Hello [[out=500]]');
    expect(await answer.json()).toMatchObject({
      choices: [{ finish_reason: 'length' }],
      usage: { completion_tokens: 100 },
    });
    expect(answer.headers.get('sapaibudget-max-tokens-clamped')).toBeNull();
  });

  test('is limited to what the budget can pay, and the client is told', async () => {
    stage = await startStage({ cap: '0.01' });
    const answer = await stage.chat('Hello [[out=10]]');
    expect(answer.status).toBe(200);
    const clamped = Number(answer.headers.get('sapaibudget-max-tokens-clamped'));
    const { max_tokens: sent } = JSON.parse(stage.emulator.captured.read({ route: 'chat' })[0]?.body ?? '');
    expect(sent).toBe(clamped);
    const reserved = parseAmount(answer.headers.get('sapaibudget-cu-reserved') ?? '');
    const perToken = (0.0032 * 1.90385 * 1e9) / 1000;
    expect(Number(reserved)).toBeLessThanOrEqual(1e7);
    expect(Number(reserved) + perToken).toBeGreaterThan(1e7);
  });
});

describe('a request that costs more than its bound', () => {
  test.each(['[[fault=hidden-tokens]][[tokens=5000]]', '[[out=400]][[fault=ignored-limit]][[tokens=300]]'])(
    '%s is booked in full and closes the route until prices or limits change',
    async (control) => {
      stage = await startStage();
      await (await stage.chat(`Hello ${control}`, { max_tokens: 20 })).text();
      await until(() => totals().overrun > 0n);
      expect(Number(totals().settled)).toBeCloseTo(billed(), -1);
      const refused = await stage.chat('Hello', { max_tokens: 20 });
      expect([refused.status, await refused.json()]).toMatchObject([
        503,
        {
          error: {
            code: 'bound_exceeded',
            message: expect.stringMatching(/log for the request; the route opens when/),
          },
        },
      ]);
      stage.operator.configure([{ ...stage.budget, priceVersion: 'default@2' }]);
      await until(async () => (await stage.chat('Hello', { max_tokens: 20 })).ok);
      stage.operator.configure([stage.budget]);
      await until(async () => (await stage.chat('Hello', { max_tokens: 20 })).status === 503);
      stage.operator.configure([{ ...stage.budget, outputTokens: { minimum: 8 } }]);
      await until(async () => (await stage.chat('Hello', { max_tokens: 20 })).ok);
    },
  );
});

test(
  'many requests at once spend the cap to the last request that fits, and never more',
  { timeout: 30_000 },
  async () => {
    stage = await startStage({ cap: '0.02' });
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const answer = await stage.chat(`Hello ${index} [[out=60]]`, {
          max_tokens: 100,
          stream: index % 2 === 0,
        });
        return { status: answer.status, text: await answer.text() };
      }),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    await until(() => Math.abs(Number(totals().settled) - billed()) <= 60);
    expect(totals().held).toBe(0n);
    expect(totals().settled).toBeLessThanOrEqual(parseAmount('0.02'));
    // What is left is less than the shortest answer costs.
    expect(parseAmount('0.02') - totals().settled).toBeLessThan(parseAmount('0.0004'));
  },
);

test('a new period spends from its own ledger, and the old lease is returned', async () => {
  stage = await startStage();
  await (await stage.chat('Hello [[out=5]]', { max_tokens: 20 })).text();
  const next = {
    ...stage.budget,
    ledger: { ...stage.budget.ledger, uid: 'ledger-2', name: 'team-a.chat.2026-12' },
  };
  stage.operator.configure([next]);
  await until(() => totals().outstanding === 0n && totals().settled > 0n);
  await (await stage.chat('Hello [[out=5]]', { max_tokens: 20 })).text();
  await until(() => stage.operator.ledger('ledger-2').totals.settled > 0n);
  expect(stage.operator.ledger('ledger-2').totals.settled).toBe(totals().settled);
});
