import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startEmulator } from '../../test/sap-emulator/emulator.ts';
import type { Emulator } from '../../test/sap-emulator/emulator.ts';
import { TestClock } from '../testing/test-clock.ts';
import { parseServiceKey } from './service-key.ts';
import type { ServiceKey } from './service-key.ts';
import { TokenBroker } from './token-broker.ts';

let dispatcher: Agent;
let emulator: Emulator;
let clock: TestClock;
let broker: TokenBroker;
let key: ServiceKey;
const never = { signal: new AbortController().signal };

beforeAll(() => {
  dispatcher = new Agent({ allowH2: false });
});
afterAll(() => dispatcher.close());
beforeEach(async () => {
  emulator = await startEmulator({ config: { tokenLifetimeSeconds: 1000 } });
  clock = new TestClock();
  broker = new TokenBroker({ dispatcher, clock });
  key = keyFor(emulator.serviceKey());
});
afterEach(() => emulator.close());

function keyFor(document: object): ServiceKey {
  return parseServiceKey({ sk: JSON.stringify(document) }, { allowedHosts: [] });
}
function asked(): number {
  return emulator.captured.counts()['token'] ?? 0;
}

test('a token is asked for once, and again at half of its life', async () => {
  const first = await broker.token(key, never);
  clock.pass(499_000);
  expect(await broker.token(key, never)).toBe(first);
  clock.pass(1_000);
  const second = await broker.token(key, never);
  expect(second.accessToken).not.toBe(first.accessToken);
  expect(second.expiresAtMs).toBe(clock.nowMs() + 1_000_000);
  expect(asked()).toBe(2);
});

test('many who ask at once share one request, and one who leaves does not take it with him', async () => {
  const leaving = new AbortController();
  const left = broker.token(key, { signal: leaving.signal });
  const others = Array.from({ length: 20 }, () => broker.token(key, never));
  leaving.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  expect(new Set((await Promise.all(others)).map(({ accessToken }) => accessToken)).size).toBe(1);
  expect(asked()).toBe(1);
});

test('while SAP gives no new token the old one is used, nearly to its end', async () => {
  const first = await broker.token(key, never);
  emulator.addFault({ fault: 'http-503', match: { route: 'token' } });
  clock.pass(989_000);
  expect(await broker.token(key, never)).toBe(first);
  clock.pass(2_000);
  await expect(broker.token(key, never)).rejects.toMatchObject({ reason: 'TokenEndpointUnavailable' });
});

test('after a failure SAP is left alone for a while', async () => {
  emulator.addFault({ fault: 'throttled', match: { route: 'token' }, retryAfterSeconds: 30, count: 1 });
  await expect(broker.token(key, never)).rejects.toMatchObject({ retryAfterMs: 30_000 });
  clock.pass(29_000);
  await expect(broker.token(key, never)).rejects.toMatchObject({ reason: 'TokenEndpointUnavailable' });
  expect(asked()).toBe(1);
  clock.pass(1_000);
  expect((await broker.token(key, never)).accessToken).toMatch(/./);
});

test.each([
  { fault: 'http-500', says: /answers HTTP 500/ },
  { fault: 'html-page', says: /is an HTML page/ },
  { fault: 'truncated-json', says: /cut off/ },
  { fault: 'reset', says: /gives no answer/ },
] as const)('a token endpoint with $fault is unavailable', async ({ fault, says }) => {
  emulator.addFault({ fault, match: { route: 'token' } });
  const error: unknown = await broker.token(key, never).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ reason: 'TokenEndpointUnavailable', message: expect.stringMatching(says) });
  expect(String(error)).not.toContain(key.clientSecret.reveal());
});

test('credentials that SAP refuses also end the token they gave before', async () => {
  const revoked = keyFor({ ...emulator.serviceKey(), clientsecret: 'revoked' });
  await expect(broker.token(revoked, never)).rejects.toMatchObject({ reason: 'CredentialsInvalid' });
  await broker.token(key, never);
  emulator.addFault({ fault: 'http-401', match: { route: 'token' } });
  clock.pass(600_000);
  await expect(broker.token(key, never)).rejects.toMatchObject({ reason: 'CredentialsInvalid' });
});

test('a client that may have no token of its own is told apart from a wrong secret', async () => {
  emulator.addFault({ fault: 'wrong-grant', match: { route: 'token' } });
  await expect(broker.token(key, never)).rejects.toMatchObject({
    reason: 'CredentialsInvalid',
    message: expect.stringMatching(/no token by client credentials \(HTTP 401 unauthorized_client from/),
  });
});

test('a dropped token is replaced, one that was replaced already is not', async () => {
  const first = await broker.token(key, never);
  broker.drop(key, first.accessToken);
  const second = await broker.token(key, never);
  broker.drop(key, first.accessToken);
  expect(await broker.token(key, never)).toBe(second);
});
