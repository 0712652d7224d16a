import { describe, expect, test } from 'vitest';
import { ask, launch, parseStream, requestToken, until } from '../test-client.ts';

const withUsage = { stream: true, stream_options: { include_usage: true } };

describe('a request that is to fail with a status', () => {
  test.each([
    { fault: 'http-400', status: 400, billed: 0 },
    { fault: 'http-401', status: 401, billed: 0 },
    { fault: 'http-403', status: 403, billed: 0 },
    { fault: 'http-503', status: 503, billed: 0 },
    { fault: 'throttled', status: 429, billed: 0 },
    { fault: 'http-500', status: 500, billed: 30 },
    { fault: 'http-502', status: 502, billed: 30 },
    { fault: 'http-504', status: 504, billed: 30 },
    { fault: 'html-page', status: 200, billed: 30 },
  ])('with $fault gets $status and is billed $billed tokens of output', async ({ fault, status, billed }) => {
    const { emulator, client } = await launch();
    const response = await client.chat(ask(`[[out=30]][[fault=${fault}]]`));
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain('usage');
    expect(emulator.books.read().totals).toMatchObject({
      requests: billed === 0 ? 0 : 1,
      outputTokens: billed,
      usageDelivered: 0,
    });
  });

  test.each([
    { fault: 'throttled', want: '7' },
    { fault: 'throttled-date', want: 'Mon, 23 Nov 2026 12:00:07 GMT' },
  ])('with $fault is told to come back: $want', async ({ fault, want }) => {
    const { client } = await launch({ now: () => Date.parse('2026-11-23T12:00:00Z') });
    const response = await client.chat(ask(`[[fault=${fault}]][[retry-after=7]]`));
    expect(response.headers.get('retry-after')).toBe(want);
  });
});

describe('an answer that is to lack something', () => {
  test('without usage is billed all the same', async () => {
    const { emulator, client } = await launch();
    const answer: unknown = await (await client.chat(ask('[[out=30]][[fault=no-usage]]'))).json();
    expect(answer).toHaveProperty('choices');
    expect(answer).not.toHaveProperty('usage');
    const { chunks, done } = parseStream(
      await (await client.chat(ask('[[out=30]][[fault=no-usage]]', withUsage))).text(),
    );
    expect(done).toBe(true);
    expect(chunks.every((chunk) => !Reflect.get(Object(chunk), 'usage'))).toBe(true);
    expect(emulator.books.read().totals).toMatchObject({ requests: 2, outputTokens: 60, usageDelivered: 0 });
  });

  test('breaks off with an error inside the stream', async () => {
    const { emulator, client } = await launch();
    const response = await client.chat(ask('[[out=80]][[fault=stream-error]]', withUsage));
    expect(response.status).toBe(200);
    const { chunks, done } = parseStream(await response.text());
    expect(done).toBe(false);
    expect(chunks.at(-1)).toEqual({ error: { code: '429', message: 'exceeded token rate limit' } });
    expect(chunks.length).toBeGreaterThan(5);
    expect(emulator.books.read().totals).toMatchObject({ outputTokens: 80, usageDelivered: 0 });
  });

  test('ends without [DONE], its usage delivered', async () => {
    const { emulator, client } = await launch();
    const { chunks, done } = parseStream(
      await (await client.chat(ask('[[fault=no-done]]', withUsage))).text(),
    );
    expect(done).toBe(false);
    expect(chunks.at(-1)).toMatchObject({ usage: { prompt_tokens: expect.any(Number) } });
    expect(emulator.books.read().totals.usageDelivered).toBe(1);
  });

  test.each([
    { name: 'JSON', rest: {} },
    { name: 'stream', rest: withUsage },
  ])('breaks the connection in the middle of a $name', async ({ rest }) => {
    const { emulator, client } = await launch();
    const response = await client.chat(ask('[[out=80]][[fault=abrupt-close]]', rest));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('terminated');
    expect(emulator.books.read().totals).toMatchObject({ outputTokens: 80, usageDelivered: 0, running: 0 });
  });

  test('is half of its JSON, as if that were all', async () => {
    const { emulator, client } = await launch();
    const text = await (await client.chat(ask('[[fault=truncated-json]]'))).text();
    expect(() => JSON.parse(text) as unknown).toThrow('JSON');
    expect(emulator.books.read().totals).toMatchObject({ requests: 1, usageDelivered: 0 });
  });

  test('never comes: the request is billed, and ends when its client leaves', async () => {
    const { emulator, client } = await launch();
    const controller = new AbortController();
    const answer = client.chat(ask('[[out=30]][[fault=never-answers]]'), { signal: controller.signal });
    await until(() => emulator.books.read().totals.running === 1);
    controller.abort();
    await expect(answer).rejects.toThrow('aborted');
    await until(() => emulator.books.read().totals.running === 0);
    expect(emulator.books.read().entries).toMatchObject([
      { outputTokens: 30, clientLeft: true, usageDelivered: false },
    ]);
  });

  test('never comes, and closing the emulator does not wait for it', async () => {
    const { emulator, client } = await launch();
    const answer = client.chat(ask('[[fault=never-answers]]')).catch((error: unknown) => error);
    await until(() => emulator.books.read().totals.running === 1);
    await emulator.close();
    expect(await answer).toBeInstanceOf(Error);
  });

  test('is a broken connection', async () => {
    const { emulator, client } = await launch();
    await expect(client.chat(ask('[[out=30]][[fault=reset]]'))).rejects.toThrow('fetch failed');
    expect(emulator.books.read().totals.outputTokens).toBe(30);
  });
});

describe('an answer that is to cost more than foreseeable', () => {
  test('reports and bills hidden prompt tokens', async () => {
    const { emulator, client } = await launch();
    await (await client.chat(ask('the same words'))).text();
    emulator.addFault({ fault: 'hidden-tokens', tokens: 5000 });
    const answer: unknown = await (await client.chat(ask('the same words'))).json();
    const [plain, hidden] = emulator.books.read().entries;
    expect(hidden?.promptTokens).toBe((plain?.promptTokens ?? 0) + 5000);
    expect(answer).toMatchObject({ usage: { prompt_tokens: hidden?.promptTokens } });
  });

  test('hides more tokens than the request has bytes where nobody says how many', async () => {
    const { emulator, client } = await launch();
    const content = `[[fault=hidden-tokens]]${'x'.repeat(10_000)}`;
    await (await client.chat(ask(content))).json();
    expect(emulator.books.read().totals.promptTokens).toBeGreaterThan(65_536 + 2 * 10_000);
  });

  test('is longer than its limit and reports it', async () => {
    const { emulator, client } = await launch();
    const content = '[[out=20]][[fault=ignored-limit]][[tokens=30]]';
    const answer: unknown = await (await client.chat(ask(content, { max_tokens: 50 }))).json();
    expect(answer).toMatchObject({ usage: { completion_tokens: 80 } });
    expect(emulator.books.read().entries).toMatchObject([{ limit: 50, outputTokens: 80, cutShort: false }]);
  });
});

describe('rules for faults', () => {
  test('act for the requests they match, after some and only so often', async () => {
    const { emulator, client } = await launch();
    emulator.addFault({
      fault: 'http-500',
      match: { route: 'chat', stream: true, contains: 'red' },
      after: 1,
      count: 1,
    });
    const call = async (content: string, rest: object): Promise<number> =>
      (await client.chat(ask(content, rest))).status;
    expect(await call('red', {})).toBe(200);
    expect(await call('blue', { stream: true })).toBe(200);
    expect(await call('red', { stream: true })).toBe(200);
    expect(await call('red', { stream: true })).toBe(500);
    expect(await call('red', { stream: true })).toBe(200);
  });

  test('are added, listed and cleared over the admin API', async () => {
    const { emulator, client } = await launch();
    const url = `${emulator.url}/__emulator/faults`;
    const rule = { fault: 'http-503', match: { route: 'models' }, count: 2 };
    await fetch(url, { method: 'POST', body: JSON.stringify(rule) });
    expect(await (await fetch(url)).json()).toMatchObject({ rules: [rule] });
    expect((await client.get('/v2/lm/scenarios/foundation-models/models')).status).toBe(503);
    await fetch(url, { method: 'DELETE' });
    expect((await client.get('/v2/lm/scenarios/foundation-models/models')).status).toBe(200);
  });

  test('repeat for the same seed when they act by chance', async () => {
    const first = await tossCoins(7);
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await tossCoins(7)).toEqual(first);
    expect(await tossCoins(8)).not.toEqual(first);
  });

  test.each([
    { fault: 'http-401', status: 401, error: 'unauthorized' },
    { fault: 'wrong-grant', status: 401, error: 'unauthorized_client' },
    { fault: 'throttled', status: 429, error: 'too_many_requests' },
    { fault: 'http-503', status: 503, error: 'server_error' },
  ] as const)('make the token endpoint answer $status', async ({ fault, status, error }) => {
    const { emulator } = await launch();
    emulator.addFault({ fault, match: { route: 'token' } });
    const response = await requestToken(emulator);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error });
  });

  test('make the token endpoint look down, and slow', async () => {
    const { emulator } = await launch();
    emulator.addFault({ fault: 'reset', match: { route: 'token' }, count: 1 });
    await expect(requestToken(emulator)).rejects.toThrow('fetch failed');
    emulator.addFault({ fault: 'slow-first-byte', delayMs: 1, match: { route: 'token' } });
    expect((await requestToken(emulator)).status).toBe(200);
  });

  test.each([
    { fault: 'http-500', path: '/v2/lm/deployments', status: 500, json: true },
    { fault: 'html-page', path: '/v2/lm/scenarios/foundation-models/models', status: 200, json: false },
    { fault: 'truncated-json', path: '/v2/lm/scenarios/foundation-models/models', status: 200, json: false },
    { fault: 'truncated-json', path: '/v2/lm/deployments/d000000000000001', status: 200, json: false },
  ] as const)('make $path fail with $fault', async ({ fault, path, status, json }) => {
    const { emulator, client } = await launch();
    emulator.addFault({ fault });
    const response = await client.get(path);
    expect(response.status).toBe(status);
    const text = await response.text();
    expect(isJson(text)).toBe(json);
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Statuses of two dozen calls that fail half of the time. */
async function tossCoins(seed: number): Promise<number[]> {
  const faults = [{ fault: 'http-503' as const, match: { route: 'meta' }, probability: 0.5 }];
  const { client } = await launch({ config: { seed, faults } });
  const statuses: number[] = [];
  for (let call = 0; call < 24; call += 1) {
    statuses.push((await client.get('/v2/lm/meta')).status);
  }
  return statuses;
}
