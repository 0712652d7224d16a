import { gzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import { describe, expect, test } from 'vitest';
import { LeaseWorld, refusedWith, spending } from './test-lease-world.ts';
import { issue, openMessage, reportMessage } from './test-service.ts';
import type { ServiceAnswer } from './test-service.ts';

const world = LeaseWorld.forFile();

describe('the service', () => {
  test.each([
    {
      name: 'a body that is no JSON',
      body: '{"schema":',
      status: 400,
      reason: 'malformed',
      says: 'entity.parse.failed',
    },
    { name: 'no body', body: '', status: 400, reason: 'malformed', says: 'the body' },
    {
      name: 'an unknown version',
      body: { schema: 2, kind: 'open' },
      status: 400,
      reason: 'malformed',
      says: 'schema',
    },
    {
      name: 'an amount that is none',
      body: reportMessage('chat', 'uid', { spent: '1e3' }),
      status: 400,
      reason: 'malformed',
      says: 'spent: "1e3" is not an amount',
    },
    {
      name: 'a member too many',
      body: reportMessage('chat', 'uid', { extra: 1 }),
      status: 400,
      reason: 'malformed',
      says: 'extra',
    },
    {
      name: 'a body that is too large',
      body: 'x'.repeat(300_000),
      status: 413,
      reason: 'body_too_large',
      says: '256 KiB',
    },
  ])('refuses $name', async ({ body, status, reason, says }) => {
    const { token } = await world.pod('app', spending);
    const answer = await world.running.call('/v1/lease', body, token);
    expect(answer).toEqual(refusedWith(status, reason, expect.stringContaining(says)));
  });

  test('refuses a packed body, which could be larger than it looks', async () => {
    const { token } = await world.pod('app', spending);
    const { service, authority } = world.running;
    const dispatcher = new Agent({ allowH2: false, connect: { ca: authority.certificate } });
    const answer = await request(`https://127.0.0.1:${service.port}/v1/lease`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(JSON.stringify(openMessage('chat', 'uid'))),
      dispatcher,
    });
    expect(answer.statusCode).toBe(400);
    await answer.body.dump();
    await dispatcher.destroy();
  });

  test('knows no other paths', async () => {
    expect(await world.running.call('/v1/ledger', {})).toEqual(refusedWith(404, 'path_unknown'));
    expect(world.running.outcomes).toEqual(['other path_unknown']);
  });

  test('serves a new certificate without a restart', async () => {
    const { service } = world.running;
    const { authority, leaf } = await issue();
    service.useCertificates(leaf);
    const dispatcher = new Agent({ allowH2: false, connect: { ca: authority.certificate } });
    const url = `https://127.0.0.1:${service.port}/v1/ledger`;
    const answer = await request(url, { method: 'POST', dispatcher });
    expect(answer.statusCode).toBe(404);
    await answer.body.dump();
    await dispatcher.destroy();
  });

  test('ends polls that wait when it stops, and stops', async () => {
    const { call } = await world.holder();
    const first = await call('/v1/configuration', { schema: 1, waitSeconds: 0 });
    const { etag: seen } = Object(first.body);
    const poll = (): Promise<ServiceAnswer> =>
      call('/v1/configuration', { schema: 1, seen, waitSeconds: 55 });
    const polls = Array.from({ length: 5 }, poll);
    // One too many: the others are waiting by then.
    expect(await Promise.any(polls)).toEqual(refusedWith(503, 'busy'));
    world.running.end();
    const answers = await Promise.all(polls);
    expect(answers.filter(({ body }) => Object(body).error.reason === 'stopping')).toHaveLength(4);
    await world.running.service.closed;
  });
});
