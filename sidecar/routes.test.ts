import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { appKey, miniDeployment, type Stage, startStage } from './testing/stage.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    budget: { allowedModels: ['gpt-4o*', 'gpt-5*', 'text-*'] },
    env: { SAPAIBUDGET_MAX_BODY_BYTES: '20000' },
  });
  const other = {
    state: 'unavailable',
    namespace: 'team-a',
    budget: 'other',
    reason: 'SecretNotFound',
    message: 'secret aicore-key is missing',
  } as const;
  stage.operator.configure([stage.budget, other]);
});
afterAll(async () => stage.close());

const bearer = { authorization: `Bearer chat.${appKey}` };
const chatPath = `/v2/inference/deployments/${miniDeployment}/chat/completions?api-version=1`;
const messages = [{ role: 'user', content: 'Hello' }];

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${stage.sidecar.origin}${path}`, { headers: bearer, ...init });
}

function post(path: string, body: unknown, headers: Record<string, string> = bearer): Promise<Response> {
  return call(path, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const coded = z.object({ error: z.object({ code: z.string(), message: z.string().min(20) }) });
const codeOf = async (answer: Response) => coded.parse(await answer.json()).error.code;
const deployment = (id: string) => `/v2/inference/deployments/${id}/chat/completions?api-version=1`;

describe('a request is refused, and nothing is sent,', () => {
  const cases: {
    name: string;
    path?: string;
    body?: unknown;
    headers?: Record<string, string>;
    status: number;
    code: string;
  }[] = [
    { name: 'without a key', headers: {}, status: 401, code: 'not_authenticated' },
    {
      name: 'with a wrong key',
      headers: { authorization: `Bearer chat.${appKey}x` },
      status: 401,
      code: 'not_authenticated',
    },
    {
      name: 'with the app key alone',
      headers: { authorization: `Bearer ${appKey}` },
      status: 401,
      code: 'not_authenticated',
    },
    {
      name: 'for a budget of others',
      headers: { ...bearer, 'sapaibudget-budget': 'theirs' },
      status: 403,
      code: 'budget_not_allowed',
    },
    {
      name: 'for a budget that is not ready',
      headers: { ...bearer, 'sapaibudget-budget': 'other' },
      status: 503,
      code: 'budget_unavailable',
    },
    {
      name: 'in a resource group that is not listed',
      headers: { ...bearer, 'ai-resource-group': 'team-b' },
      status: 403,
      code: 'resource_group_not_allowed',
    },
    {
      name: 'on a path that is not served',
      path: '/v2/inference/deployments/d1/images/generations',
      status: 404,
      code: 'path_not_supported',
    },
    {
      name: 'for an unknown deployment',
      path: deployment('nope'),
      status: 404,
      code: 'deployment_not_found',
    },
    {
      name: 'for a stopped deployment',
      path: deployment('d00000000000000c'),
      status: 404,
      code: 'deployment_not_running',
    },
    {
      name: 'for another executable',
      path: deployment('d000000000000009'),
      status: 404,
      code: 'path_not_supported',
    },
    {
      name: 'for a model without a rate',
      path: deployment('d000000000000006'),
      status: 400,
      code: 'model_unpriced',
    },
    {
      name: 'for a model that is not allowed',
      path: deployment('d000000000000004'),
      status: 403,
      code: 'model_not_allowed',
    },
    { name: 'when it is not JSON', body: '{"messages":', status: 400, code: 'malformed_body' },
    { name: 'when it is no object', body: '[]', status: 400, code: 'malformed_body' },
    {
      name: 'with a field that may cost',
      body: { messages, web_search_options: {} },
      status: 400,
      code: 'request_not_bounded',
    },
    {
      name: 'when it is too large',
      body: { messages: [{ role: 'user', content: 'x'.repeat(30_000) }] },
      status: 413,
      code: 'body_too_large',
    },
    {
      name: 'in an unknown encoding',
      headers: { ...bearer, 'content-encoding': 'br' },
      status: 415,
      code: 'encoding_not_supported',
    },
  ];
  test.each(cases)(
    '$name',
    async ({ path = chatPath, body = { messages }, headers = bearer, status, code }) => {
      const answer = await post(path, body, headers);
      expect(answer.status).toBe(status);
      expect(await codeOf(answer)).toBe(code);
      expect(answer.headers.get('sapaibudget-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(stage.emulator.captured.counts()['chat']).toBeUndefined();
    },
  );

  test('when gzip decodes to more than is read', async () => {
    const body = gzipSync(JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(100_000) }] }));
    const answer = await call(chatPath, {
      method: 'POST',
      headers: { ...bearer, 'content-encoding': 'gzip' },
      body,
    });
    expect([answer.status, await codeOf(answer)]).toEqual([413, 'body_too_large']);
  });

  test('naming the field to blame', async () => {
    const answer = await post(chatPath, { messages, audio: {} });
    expect(await answer.json()).toMatchObject({ error: { param: 'audio', type: 'invalid_request_error' } });
  });
});

function form(fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  return call('/oauth/token', { method: 'POST', headers, body: new URLSearchParams(fields) });
}

describe('the token endpoint', () => {
  const credentials = { client_id: `chat.${appKey}`, client_secret: appKey };

  test.each([
    { name: 'in the body', fields: { ...credentials, grant_type: 'client_credentials' }, headers: {} },
    {
      name: 'as Basic',
      fields: { grant_type: 'client_credentials' },
      headers: { authorization: `Basic ${Buffer.from(`chat.${appKey}:${appKey}`).toString('base64')}` },
    },
  ])('gives a token for credentials $name that reads and lists', async ({ fields, headers }) => {
    const answer = await form({ ...fields }, { ...headers });
    const token = z
      .object({ access_token: z.string(), token_type: z.string(), expires_in: z.number() })
      .parse(await answer.json());
    expect(token.expires_in).toBeGreaterThanOrEqual(7199);
    const claims = Buffer.from(token.access_token.split('.')[1] ?? '', 'base64url').toString();
    expect(JSON.parse(claims)).toMatchObject({
      zid: expect.any(String),
      exp: expect.any(Number),
      client_id: 'chat',
    });
    expect(claims).not.toContain(appKey);
    const list = await call('/v2/lm/deployments', {
      headers: { authorization: `bearer ${token.access_token}` },
    });
    expect(list.status).toBe(200);
  });

  test.each([
    {
      name: 'a wrong secret',
      fields: { ...credentials, client_secret: 'x', grant_type: 'client_credentials' },
      status: 401,
      error: 'invalid_client',
    },
    {
      name: 'a wrong id',
      fields: { ...credentials, client_id: 'chat.x', grant_type: 'client_credentials' },
      status: 401,
      error: 'invalid_client',
    },
    {
      name: 'no credentials',
      fields: { grant_type: 'client_credentials' },
      status: 401,
      error: 'invalid_client',
    },
    {
      name: 'another grant',
      fields: { ...credentials, grant_type: 'password' },
      status: 400,
      error: 'unsupported_grant_type',
    },
  ])('refuses $name as an authorisation server does', async ({ fields, status, error }) => {
    const answer = await form(Object.fromEntries(Object.entries(fields)));
    expect([answer.status, await answer.json()]).toMatchObject([status, { error }]);
  });

  test('tokens signed by somebody else are not accepted', async () => {
    const [head, payload] = ['{"alg":"none"}', '{"sapaibudget_budget":"chat","exp":9999999999}'].map((text) =>
      Buffer.from(text).toString('base64url'),
    );
    const answer = await call('/v2/lm/deployments', {
      headers: { authorization: `Bearer ${head}.${payload}.` },
    });
    expect(answer.status).toBe(401);
  });
});

describe('deployments', () => {
  const list = z.object({ count: z.number(), resources: z.array(z.record(z.string(), z.unknown())) });
  const read = async (query = '') => list.parse(await (await call(`/v2/lm/deployments${query}`)).json());

  test('are listed with every member as SAP has it, only the URL leads here', async () => {
    const { count, resources } = await read();
    expect(count).toBe(stage.budget.deployments.length);
    for (const [index, { deployment: original, id }] of stage.budget.deployments.entries())
      expect(resources[index]).toEqual({
        ...original,
        ...(original['deploymentUrl']
          ? { deploymentUrl: `${stage.sidecar.origin}/v2/inference/deployments/${id}` }
          : {}),
      });
  });

  test.each([
    { query: '?scenarioId=orchestration', ids: ['d00000000000000a', 'd00000000000000b'] },
    { query: '?scenarioId=orchestration&status=RUNNING', ids: ['d00000000000000a'] },
    { query: '?status=STOPPED', ids: ['d00000000000000b', 'd00000000000000c'] },
    { query: '?executableIds=aws-bedrock,gcp-vertexai', ids: ['d000000000000008', 'd000000000000009'] },
    {
      query: '?executableIds=aws-bedrock&executableIds=gcp-vertexai',
      ids: ['d000000000000008', 'd000000000000009'],
    },
    { query: '?%24top=1&%24skip=1&status=STOPPED', ids: ['d00000000000000c'] },
  ])('are filtered by $query', async ({ query, ids }) => {
    expect((await read(query)).resources.map(({ id }) => id)).toEqual(ids);
  });

  test('are read one by one; an unknown one is an error in the AI API’s shape', async () => {
    expect(await (await call('/v2/lm/deployments/d000000000000001')).json()).toMatchObject({
      id: 'd000000000000001',
    });
    const answer = await call('/v2/lm/deployments/d0');
    expect([answer.status, await answer.json()]).toMatchObject([
      404,
      { error: { code: 'deployment_not_found', requestId: expect.any(String) } },
    ]);
  });
});

test('the status page needs the key and says what is held', async () => {
  expect((await call('/sapai/status', { headers: {} })).status).toBe(401);
  await (await post(chatPath, { messages, max_tokens: 5 })).text();
  const status: unknown = await (await call('/sapai/status')).json();
  expect(status).toMatchObject({
    budgets: [
      { budget: 'team-a/chat', state: 'ready', period: '2026-11' },
      { state: 'unavailable', reason: 'SecretNotFound' },
    ],
    leases: [{ budget: 'team-a/chat', phase: 'open', incarnation: 1, reserved: '0' }],
    lastDenials: expect.any(Array),
  });
});

test('metrics begin at 0 and count what happened', async () => {
  const text = await scrape();
  expect(text).toContain(`sapaibudget_unknown_usage_total{${labels},reason="read_bound"} 0`);
  expect(text).toMatch(
    /sapaibudget_denied_total\{budget="",budget_namespace="",reason="not_authenticated"\} [1-9]/,
  );
  const perModel = `${labels},model="gpt-4o-mini",resource_group="default"`;
  expect(text).toContain(`sapaibudget_upstream_throttled_total{${perModel}} 0`);
  expect(text).toMatch(
    new RegExp(`sapaibudget_lease_capacity_units\\{${labels},state="available"\\} (0\\.\\d+|[1-9])`),
  );
  const genAi =
    'gen_ai_operation_name="chat",gen_ai_provider_name="sap.ai_core",gen_ai_request_model="gpt-4o-mini"';
  expect(text).toContain(`gen_ai_client_inference_usage_output_tokens_total{${perModel},${genAi}} 5`);
});

const labels = 'budget="chat",budget_namespace="team-a"';

async function scrape(): Promise<string> {
  return (await fetch(`${stage.sidecar.adminOrigin}/metrics`)).text();
}
