import { afterAll, beforeAll, expect, test } from 'vitest';
import { appKey, type Stage, startStage } from './testing/stage.ts';

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(async () => {
  await stage.close();
});

function ask(path: string, headers: Record<string, string> = { authorization: `Bearer chat.${appKey}` }) {
  return fetch(`${stage.sidecar.origin}${path}`, { headers });
}

test('the receipt of a request says when, from which budget and for how many tokens', async () => {
  const answer = await stage.chat('Hello [[out=5]]', { max_tokens: 5 });
  await answer.text();
  const id = answer.headers.get('sapaibudget-request-id');
  expect(await (await ask(`/sapai/requests/${id}`)).json()).toEqual({
    requestId: id,
    time: expect.stringMatching(isoTime),
    budget: 'team-a/chat',
    period: '2026-11',
    model: 'gpt-4o-mini',
    outcome: 'settled',
    tokens: { input: expect.any(Number), output: 5 },
    reserved: answer.headers.get('sapaibudget-cu-reserved'),
    spent: answer.headers.get('sapaibudget-cu-actual'),
  });
});

test('the receipt of an answer without usage says that its cost is held, and why', async () => {
  const answer = await stage.chat('Hello [[fault=no-usage]]', { max_tokens: 5 });
  await answer.text();
  const receipt = await (await ask(`/sapai/requests/${answer.headers.get('sapaibudget-request-id')}`)).json();
  expect(receipt).toMatchObject({ outcome: 'held', unknown: 'usage_missing' });
  expect(receipt).not.toHaveProperty('tokens');
});

test('an id without a receipt is answered with why there may be none', async () => {
  const answer = await ask('/sapai/requests/none');
  expect([answer.status, await answer.json()]).toMatchObject([
    404,
    { error: { code: 'request_not_found', message: expect.stringContaining('refused requests have none') } },
  ]);
});

test('the status page says what is held, why and since when', async () => {
  await (await stage.chat('Hello [[fault=no-usage]]', { max_tokens: 5 })).text();
  expect(await (await ask('/sapai/status')).json()).toMatchObject({
    budgets: [{ budget: 'team-a/chat', state: 'ready', period: '2026-11' }],
    leases: [
      {
        budget: 'team-a/chat',
        phase: 'open',
        incarnation: 1,
        reserved: '0',
        endsAt: expect.stringMatching(isoTime),
        unknown: [{ reason: 'usage_missing', since: expect.stringMatching(isoTime) }],
      },
    ],
    lastDenials: expect.any(Array),
  });
});
