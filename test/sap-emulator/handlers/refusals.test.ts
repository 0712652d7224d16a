import { describe, expect, test } from 'vitest';
import { ask, deploymentIds, launch } from '../test-client.ts';

describe('a request is refused and costs nothing', () => {
  const both = { max_tokens: 5, max_completion_tokens: 5 };
  test.each([
    { name: 'no JSON', body: '{', status: 400, says: 'could not parse' },
    { name: 'no messages', body: {}, status: 400, says: "Invalid value for 'messages'" },
    { name: 'an empty list of messages', body: { messages: [] }, status: 400, says: 'messages' },
    { name: 'n of 0', body: ask('x', { n: 0 }), status: 400, says: "Invalid value for 'n'" },
    {
      name: 'an unknown member',
      body: ask('x', { frobnicate: 1 }),
      status: 400,
      says: 'Unrecognized request argument supplied: frobnicate',
    },
    { name: 'both limits', body: ask('x', both), status: 400, says: 'Setting both' },
    {
      name: 'a limit beyond the model',
      body: ask('x', { max_tokens: 16_385 }),
      status: 400,
      says: 'at most 16384',
    },
    {
      name: 'stream options without a stream',
      body: ask('x', { stream_options: { include_usage: true } }),
      status: 400,
      says: 'only allowed when',
    },
    { name: 'more prompt than text', body: ask('[[in=5000]]'), status: 400, says: 'use hidden-tokens' },
    { name: 'an unknown fault', body: ask('[[fault=typo]]'), status: 400, says: 'no fault' },
    {
      name: 'max_tokens for a reasoning model',
      body: ask('x', { max_tokens: 5 }),
      deployment: deploymentIds.gpt5,
      status: 400,
      says: 'max_completion_tokens',
    },
    {
      name: 'chat with an embedding model',
      body: ask('x'),
      deployment: deploymentIds.embedding,
      status: 400,
      says: 'does not work',
    },
    {
      name: 'chat with another executable',
      body: ask('x'),
      deployment: deploymentIds.claude,
      status: 404,
      says: 'aws-bedrock',
    },
    {
      name: 'an unknown deployment',
      body: ask('x'),
      deployment: 'd0000000000000ff',
      status: 404,
      says: 'not found',
    },
    {
      name: 'a deployment of another group',
      body: ask('x'),
      deployment: deploymentIds.teamA,
      status: 404,
      says: 'not found',
    },
    {
      name: 'a stopped deployment',
      body: ask('x'),
      deployment: deploymentIds.stopped,
      status: 503,
      says: 'STOPPED',
    },
    {
      name: 'an unknown group',
      body: ask('x'),
      resourceGroup: 'nobody',
      status: 404,
      says: 'Resource group nobody',
    },
  ])('for $name', async ({ body, status, says, ...options }) => {
    const { emulator, client } = await launch();
    const response = await client.chat(body, options);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining(says) },
    });
    expect(emulator.books.read().totals.requests).toBe(0);
  });

  test('for more context than the model has', async () => {
    const { client } = await launch({ config: { maxBodyBytes: 1_000_000 } });
    const response = await client.chat(ask(`[[in=127000]]${'x'.repeat(130_000)}`, { max_tokens: 2000 }));
    expect(await response.json()).toMatchObject({ error: { code: 'context_length_exceeded' } });
  });

  test('for a body over the limit', async () => {
    const { emulator, client } = await launch({ config: { maxBodyBytes: 2048 } });
    const response = await client.chat(ask('x'.repeat(4096)));
    expect(response.status).toBe(413);
    expect(emulator.books.read().totals.requests).toBe(0);
  });

  test('without an access token, with a forged one, and with an expired one', async () => {
    let now = Date.now();
    const { emulator, client } = await launch({ now: () => now, config: { tokenLifetimeSeconds: 60 } });
    const path = '/v2/lm/deployments';
    const anonymous = await fetch(emulator.url + path, { headers: { 'ai-resource-group': 'default' } });
    expect(anonymous.status).toBe(401);
    expect((await client.get(path, { authorization: 'Bearer a.b.c' })).status).toBe(401);
    expect((await client.get(path)).status).toBe(200);
    now += 60_000;
    expect((await client.get(path)).status).toBe(401);
    expect((await client.chat(ask('x'))).status).toBe(401);
  });
});
