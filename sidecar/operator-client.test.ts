import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOperatorClient, type OperatorClient } from './operator-client.ts';
import { loopbackCertificate } from './testing/certificate.ts';
import { type Relay, startRelay } from './testing/relay.ts';
import { type Stage, startStage, until } from './testing/stage.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const never = new AbortController().signal;
let stage: Stage;
let client: OperatorClient;
beforeEach(async () => {
  stage = await startStage();
  client = createOperatorClient({
    url: stage.operator.url,
    caFile: path.join(stage.folder, 'ca.crt'),
    tokenFile: path.join(stage.folder, 'token'),
  });
});
afterEach(async () => {
  await client.close();
  await stage.close();
});

const poll = () => client.configuration({ schema: 1, waitSeconds: 0 }, never);

const open = () =>
  client.lease(
    { schema: 1, kind: 'open', budget: 'chat', ledgerUid: 'ledger-1', processId: '0123456789abcdef' },
    never,
  );

describe('the operator', () => {
  test('is trusted by the CA file alone, which is read again when it changes', async () => {
    await expect(poll()).resolves.toMatchObject({ etag: '1' });
    await writeFile(path.join(stage.folder, 'ca.crt'), (await loopbackCertificate()).cert);
    await expect(poll()).rejects.toMatchObject({ reason: 'unreachable' });
    await writeFile(path.join(stage.folder, 'ca.crt'), stage.operator.ca);
    await expect(poll()).resolves.toMatchObject({ etag: '1' });
  });

  test('is shown the token as the file has it now', async () => {
    await writeFile(path.join(stage.folder, 'token'), 'another');
    await expect(poll()).rejects.toMatchObject({
      reason: 'not_accepted',
      message: expect.stringContaining('401'),
    });
    await writeFile(path.join(stage.folder, 'token'), `${stage.operator.bearer}\n`);
    await expect(poll()).resolves.toMatchObject({ etag: '1' });
  });

  test('is not called without its CA', async () => {
    const blind = createOperatorClient({
      url: stage.operator.url,
      caFile: '/nowhere/ca.crt',
      tokenFile: path.join(stage.folder, 'token'),
    });
    await expect(blind.configuration({ schema: 1, waitSeconds: 0 }, never)).rejects.toMatchObject({
      reason: 'credentials_unreadable',
    });
  });

  test('that answers something else is not understood', async () => {
    stage.operator.replace = () => ({
      schema: 1,
      kind: 'refused',
      reason: 'ledger_closed',
      message: 'x'.repeat(2000),
    });
    const report = {
      schema: 1,
      kind: 'open',
      budget: 'chat',
      ledgerUid: 'ledger-1',
      processId: '0123456789abcdef',
    } as const;
    await expect(client.lease(report, never)).rejects.toMatchObject({
      reason: 'malformed_answer',
      message: expect.stringContaining('message'),
    });
  });
});

describe('a home', () => {
  let relay: Relay;
  beforeEach(async () => {
    relay = await startRelay(stage.operator.url);
  });
  afterEach(() => relay.close());

  test('is called from the moment the operator names it, and not any more once it names none', async () => {
    await poll();
    await open();
    expect(relay.connections).toBe(0);
    stage.operator.home = relay.origin;
    await poll();
    await open();
    const { connections } = relay;
    expect(connections).toBeGreaterThan(0);
    stage.operator.home = undefined;
    await poll();
    await relay.close();
    await expect(open()).resolves.toMatchObject({ kind: 'opened' });
  });

  test.each(['closed', 'silent'] as const)(
    'that is %s is left, and the message goes to another replica',
    async (how) => {
      stage.operator.home = relay.origin;
      await poll();
      await open();
      if (how === 'silent') relay.fallSilent();
      else await relay.close();
      await expect(open()).resolves.toMatchObject({ kind: 'opened' });
    },
  );

  test('that is closed is left for the one that stands in for it', async () => {
    const other = await startRelay(stage.operator.url);
    Object.assign(stage.operator, { home: relay.origin, standIn: other.origin });
    await poll();
    await open();
    expect(other.connections).toBe(0);
    await relay.close();
    await expect(open()).resolves.toMatchObject({ kind: 'opened' });
    expect(other.connections).toBeGreaterThan(0);
    // Nobody answers at either: any other replica is asked.
    await other.close();
    await expect(open()).resolves.toMatchObject({ kind: 'opened' });
  });

  test('that falls silent does not keep a poll that another call has found out about it', async () => {
    const { etag: seen } = await poll();
    stage.operator.home = relay.origin;
    await poll();
    const waiting = client.configuration({ schema: 1, seen, waitSeconds: 55 }, never);
    await until(() => relay.connections > 0);
    relay.fallSilent();
    await open();
    stage.operator.configure([{ ...stage.budget, priceVersion: 'default@2' }]);
    await expect(waiting).resolves.toMatchObject({ etag: '2' });
    // In its place another one was polled, until the home is called again.
    expect(stage.operator.patience.filter((seconds) => seconds > 0 && seconds <= 2)).toHaveLength(1);
  });

  test('that shows a certificate of another CA is not told anything', async () => {
    const stranger = await startStage();
    stage.operator.home = stranger.operator.url;
    await poll();
    await expect(open()).resolves.toMatchObject({ kind: 'opened' });
    expect(stranger.operator.messages).toEqual([]);
    await stranger.close();
  });
});

describe('configuration', () => {
  test('that changes is in force without a restart', async () => {
    stage.operator.configure([{ ...stage.budget, allowedModels: ['gpt-5*'] }]);
    await until(async () => (await stage.chat('Hello', { max_tokens: 5 })).status === 403);
    const before = stage.emulator.captured.counts()['chat'] ?? 0;
    expect((await stage.chat('Hello', { max_tokens: 5 })).status).toBe(403);
    expect(stage.emulator.captured.counts()['chat'] ?? 0).toBe(before);
    stage.operator.configure([stage.budget]);
    await until(async () => (await stage.chat('Hello', { max_tokens: 5 })).ok);
  });

  test('that fails to come leaves the last one in force', async () => {
    await (await stage.chat('Hello', { max_tokens: 5 })).text();
    await writeFile(path.join(stage.folder, 'token'), 'another');
    // The poll under way is answered, the next ones are not accepted.
    stage.operator.configure([{ ...stage.budget, priceVersion: 'default@2' }]);
    const answer = async () => stage.chat('Hello', { max_tokens: 5 });
    await until(async () => (await answer()).headers.get('sapaibudget-price-version') === 'default@2');
    stage.operator.configure([]);
    expect((await answer()).status).toBe(200);
  });
});

describe('the SAP token', () => {
  test('is fetched once for many requests, and again after half of its life', async () => {
    let life = 3600;
    const { sapToken } = stage.operator;
    stage.operator.sapToken = async () => ({ ...(await sapToken()), expiresInSeconds: life });
    await Promise.all(
      Array.from({ length: 5 }, async () => (await stage.chat('Hello', { max_tokens: 5 })).text()),
    );
    expect(stage.operator.tokensGiven).toBe(1);
    life = 0;
    stage.emulator.addFault({ fault: 'http-401', match: { route: 'chat' }, count: 1 });
    await (await stage.chat('Hello', { max_tokens: 5 })).text();
    await (await stage.chat('Hello', { max_tokens: 5 })).text();
    expect(stage.operator.tokensGiven).toBe(3);
  });

  test('that cannot be had is a refusal, and costs nothing', async () => {
    stage.operator.sapToken = async () => Promise.reject(new Error('SAP is down'));
    const answer = await stage.chat('Hello', { max_tokens: 5 });
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { error: { code: 'token_unavailable' } },
    ]);
    expect(answer.headers.get('retry-after')).toBe('2');
    await until(() =>
      stage.operator.messages.some((message) => message.kind === 'report' && message.ask === undefined),
    );
    expect(stage.operator.ledger('ledger-1').totals).toMatchObject({ settled: 0n, held: 0n });
  });
});
