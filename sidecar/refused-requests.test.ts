import { request } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { appKey, miniDeployment, type Stage, startStage, until } from './testing/stage.ts';
import { startWithSap } from './testing/stand-in.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let stage: Stage;
afterEach(() => stage.close());

const totals = () => stage.operator.ledger('ledger-1').totals;
const row = () => stage.operator.ledger('ledger-1').rows.get('pod:under-test');
const booked = async () =>
  until(
    () =>
      (row()?.seq ?? 0) > 0 &&
      stage.operator.messages.some((m) => m.kind === 'report' && m.ask === undefined),
  );

describe('an answer of SAP', () => {
  const filtered = { code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } };
  test.each([
    { name: '400 of Azure’s content filter', status: 400, error: filtered, held: true },
    { name: '400 with the reason inside', status: 400, error: { ...filtered, code: '400' }, held: true },
    { name: '400 of orchestration’s filter', status: 400, error: { code: 400, location: 'x' }, held: false },
    { name: '400 for a bad request', status: 400, error: { code: 'invalid_request_error' }, held: false },
    { name: '403 with the words of a filter', status: 403, error: filtered, held: false },
    { name: '408', status: 408, error: { code: 'timeout' }, held: true },
  ])('with $name is passed on; held: $held', async ({ status, error, held }) => {
    const body = JSON.stringify({ error });
    stage = await startWithSap((_, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body),
    );
    const answer = await stage.chat('Hello', { max_tokens: 5 });
    expect([answer.status, await answer.text()]).toEqual([status, body]);
    await booked();
    const reason = row()?.unknownCosts[0]?.reason;
    expect([totals().held > 0n, reason]).toEqual([held, held ? 'upstream_error' : undefined]);
  });

  test.each([
    { status: 403, held: false },
    { status: 400, held: true },
    { status: 200, held: true },
  ])('with $status in an encoding that nobody knows is 502; held: $held', async ({ status, held }) => {
    stage = await startWithSap((_, response) =>
      response.writeHead(status, { 'content-encoding': 'zstd-2' }).end('x'),
    );
    const answer = await stage.chat('Hello', { max_tokens: 5 });
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { error: { code: 'upstream_encoding' } },
    ]);
    await booked();
    expect([totals().held > 0n, totals().settled]).toEqual([held, 0n]);
  });
});

describe('what SAP is sent', () => {
  test.each([
    { query: '', want: '' },
    { query: '?api-version=2024-10-21', want: '?api-version=2024-10-21' },
    { query: '?a="b"#c', want: '?a=%22b%22' },
  ])('is the query of the request, $query as $want', async ({ query, want }) => {
    let url = '';
    stage = await startWithSap((received, response) => {
      url = received.url ?? '';
      response.writeHead(400).end('{}');
    });
    const path = `/v2/inference/deployments/${miniDeployment}/chat/completions`;
    const body = '{"messages":[{"role":"user","content":"Hi"}],"max_tokens":5}';
    const to = new URL(stage.sidecar.origin);
    const asked = request({ port: to.port, host: to.hostname, method: 'POST', path: `${path}${query}` });
    asked.setHeader('authorization', `Bearer chat.${appKey}`).end(body);
    await once(asked, 'response');
    expect(url).toBe(`${path}${want}`);
  });

  test('is nothing for a client that left while the token was fetched', async () => {
    stage = await startStage();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { sapToken } = stage.operator;
    let asked = false;
    stage.operator.sapToken = async () => {
      asked = true;
      await promise;
      return sapToken();
    };
    const leaving = new AbortController();
    const answer = stage.chat('Hello [[out=5]]', { max_tokens: 20 }, { signal: leaving.signal });
    await until(() => asked);
    leaving.abort();
    await expect(answer).rejects.toThrow(/abort/i);
    resolve();
    await booked();
    await until(() => totals().outstanding > 0n || totals().settled > 0n);
    expect(stage.emulator.captured.counts()['chat'] ?? 0).toBe(0);
    expect(totals()).toMatchObject({ settled: 0n, held: 0n });
  });

  test('is no body that nests without end, also where it would be ignored', async () => {
    stage = await startStage();
    const nested = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const body = `{"messages":[{"role":"user","content":"Hello"}],"max_tokens":5,"user":${nested}}`;
    const answer = await stage.chat('', {}, { body });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'malformed_body' } }]);
    const metadata = JSON.parse(`${'{"a":'.repeat(150)}1${'}'.repeat(150)}`);
    const tools = [{ type: 'function', function: { name: 'f', parameters: metadata } }];
    expect((await stage.chat('Hello [[out=5]]', { max_tokens: 5, tools })).status).toBe(200);
  });
});
