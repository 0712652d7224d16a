import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { issueAuthority, issueLeaf } from '../certificates/issue.ts';
import type { KeyPair } from '../certificates/issue.ts';
import { systemClock } from '../kube/clock.ts';
import { injectPath, startWebhook } from './server.ts';
import type { WebhookOutcome, WebhookService } from './webhook-service.ts';

const answer = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  response: z.looseObject({ uid: z.string(), allowed: z.boolean() }),
});

let authority: KeyPair;
let service: WebhookService;
let agent: Agent;
let stop: AbortController;
const outcomes: WebhookOutcome[] = [];
const logged: string[] = [];
const admitted: string[] = [];

function write(fields: object, message: string): void {
  logged.push(JSON.stringify({ ...fields, message }));
}

function reviewOf(change: object = {}): Record<string, unknown> {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '7d3e',
      namespace: 'team-a',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'pods' },
      object: {
        metadata: { generateName: 'chat-', labels: { 'sapai.eerly.ai/budget': 'chat' } },
        spec: { containers: [{ name: 'app', env: [{ name: 'TOKEN', value: 'do-not-log' }] }] },
      },
      ...change,
    },
  };
}

async function post(body: string, path = injectPath): Promise<{ status: number; body: unknown }> {
  const { statusCode, body: text } = await request(`https://127.0.0.1:${service.port}${path}`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: statusCode, body: await text.json() };
}

async function review(change?: object): Promise<z.infer<typeof answer>['response']> {
  const { status, body } = await post(JSON.stringify(reviewOf(change)));
  expect(status).toBe(200);
  return answer.parse(body).response;
}

beforeAll(async () => {
  authority = await issueAuthority(new Date());
  const certificates = await issueLeaf(authority, { names: ['127.0.0.1'], now: new Date() });
  agent = new Agent({ allowH2: false, connect: { ca: authority.certificate } });
  stop = new AbortController();
  service = await startWebhook({
    listen: { host: '127.0.0.1', port: 0 },
    certificates,
    clock: systemClock,
    log: { info: write, warn: write, error: write },
    metrics: { admissionAnswered: ({ outcome }) => outcomes.push(outcome) },
    signal: stop.signal,
    world: {
      settings: {
        image: 'sidecar',
        command: ['node'],
        operatorUrl: 'https://operator',
        resources: { requests: {}, limits: {} },
        journalSizeLimit: '1Mi',
        logLevel: 'info',
      },
      namespaceLabels: (name) =>
        name === 'unreadable' ? Promise.reject(new Error('no answer')) : Promise.resolve({}),
      resourceGroupOf: () => undefined,
      newAppKey: () => 'k'.repeat(43),
      onAdmitted: (namespace) => admitted.push(namespace),
    },
  });
});
afterAll(async () => {
  stop.abort(new Error('the test is over'));
  await agent.close();
  await service.closed;
});

describe('the webhook', () => {
  test('answers with a JSON patch of the members that change, under the uid it was asked with', async () => {
    const { uid, allowed, patchType, patch } = await review();
    expect({ uid, allowed, patchType }).toEqual({ uid: '7d3e', allowed: true, patchType: 'JSONPatch' });
    const operations: unknown = JSON.parse(Buffer.from(z.string().parse(patch), 'base64').toString('utf8'));
    expect(operations).toMatchObject([
      { op: 'add', path: '/spec/containers' },
      { op: 'add', path: '/spec/initContainers' },
      { op: 'add', path: '/spec/volumes' },
    ]);
    expect(outcomes.at(-1)).toBe('injected');
    expect(admitted.at(-1)).toBe('team-a');
  });

  test.each([
    { what: 'an update', change: { operation: 'UPDATE' } },
    { what: 'a subresource owner', change: { resource: { group: 'apps', resource: 'deployments' } } },
  ])('lets $what through as it is', async ({ change }) => {
    expect(await review(change)).toEqual({ uid: '7d3e', allowed: true });
    expect(outcomes.at(-1)).toBe('not_a_new_pod');
  });

  test('leaves a pod without containers to the API server, which says what is wrong with it', async () => {
    const metadata = { name: 'empty', labels: { 'sapai.eerly.ai/budget': 'chat' } };
    expect(await review({ object: { metadata, spec: { containers: null } } })).toMatchObject({
      allowed: true,
    });
  });

  test('remembers no namespace of a pod that is only tried', async () => {
    const before = admitted.length;
    await review({ dryRun: true });
    expect(outcomes.at(-1)).toBe('injected');
    expect(admitted).toHaveLength(before);
  });

  test('refuses with all reasons in a sentence', async () => {
    const metadata = { name: 'chat', labels: { 'sapai.eerly.ai/budget': 'chat' } };
    const spec = { containers: [{ name: 'app' }], hostNetwork: true, hostPID: true };
    const { allowed, status } = await review({ object: { metadata, spec } });
    expect(allowed).toBe(false);
    expect(status).toMatchObject({ code: 403, message: expect.stringMatching(/hostNetwork.*hostPID/) });
    expect(outcomes.at(-1)).toBe('host_network');
  });

  test('refuses a pod without budget where its namespace cannot be read, and says to try again', async () => {
    const object = { metadata: { name: 'chat' }, spec: { containers: [{ name: 'app' }] } };
    const { allowed, status } = await review({ namespace: 'unreadable', object });
    expect(allowed).toBe(false);
    expect(status).toMatchObject({ code: 503, message: expect.stringMatching(/unreadable.*try again/) });
    expect(outcomes.at(-1)).toBe('failed');
  });

  test('refuses a pod of a namespace without label, for the registration does not ask about it', async () => {
    const object = { metadata: { name: 'chat' }, spec: { containers: [{ name: 'app' }] } };
    const { status } = await review({ object });
    expect(status).toMatchObject({ message: expect.stringContaining('sapai.eerly.ai/budget') });
    expect(outcomes.at(-1)).toBe('budget_missing');
  });

  test.each([
    { what: 'no JSON', body: '{"apiVersion":', status: 400, outcome: 'malformed' },
    { what: 'another kind', body: '{"kind":"Pod"}', status: 400, outcome: 'malformed' },
    {
      what: 'a pod that is none',
      body: JSON.stringify(reviewOf({ object: { metadata: {}, spec: { containers: 'do-not-log' } } })),
      status: 400,
      outcome: 'malformed',
    },
    { what: 'too much', body: `"${'x'.repeat(6 * 1024 * 1024)}"`, status: 413, outcome: 'too_large' },
  ])('answers $status to $what', async ({ body, status, outcome }) => {
    const answered = await post(body);
    expect(answered.status).toBe(status);
    expect(outcomes.at(-1)).toBe(outcome);
    expect(JSON.stringify(answered.body)).not.toContain('do-not-log');
  });

  test('says what it serves to whoever asks for something else', async () => {
    expect(await post('{}', '/')).toEqual({
      status: 404,
      body: { message: `served here: POST ${injectPath}` },
    });
  });

  test('logs refusals without what is in a pod', () => {
    expect(logged.join('\n')).toContain('host_network');
    expect(logged.join('\n')).not.toContain('do-not-log');
  });
});
