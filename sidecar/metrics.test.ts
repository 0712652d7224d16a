import { afterAll, beforeAll, expect, test } from 'vitest';
import { sidecarMetricTable } from './metric-table.ts';
import { createMetrics } from './metrics.ts';
import { appKey, type Stage, startStage } from './testing/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(async () => stage.close());

const perBudget = 'budget="chat",budget_namespace="team-a"';
const operation =
  'gen_ai_operation_name="chat",gen_ai_provider_name="sap.ai_core",gen_ai_request_model="gpt-4o-mini"';
const labels = `${perBudget},model="gpt-4o-mini",resource_group="default",${operation}`;

async function scrape(): Promise<string> {
  return (await fetch(`${stage.sidecar.adminOrigin}/metrics`)).text();
}

function chunkLines(text: string): string[] {
  return text.split('\n').filter((line) => line.includes('_chunk_seconds_count'));
}

test('the program has the metrics of its table, and no other', () => {
  const made = createMetrics().registry.getMetricsAsArray();
  const names = Object.values(sidecarMetricTable).map(({ name }) => name);
  expect(made.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
});

test('a stream tells when its first event came, and how long each further one took', async () => {
  const answer = await stage.chat('Hi [[out=20]]', { stream: true, max_tokens: 50 });
  const events = (await answer.text()).split('\n\n').filter((event) => event.startsWith('data: {'));
  const text = await scrape();
  const name = 'gen_ai_client_operation_time';
  expect(text).toContain(`${name}_to_first_chunk_seconds_count{${labels}} 1\n`);
  expect(events.length).toBeGreaterThan(2);
  expect(text).toContain(`${name}_per_output_chunk_seconds_count{${labels}} ${events.length - 1}\n`);
});

test('an answer that is no stream is in none of the metrics of streams', async () => {
  const before = await scrape();
  await (await stage.chat('Hi [[out=7]]', { max_tokens: 50 })).text();
  const after = await scrape();
  expect(chunkLines(after)).toEqual(chunkLines(before));
});

test('tokens of a request are counted by kind', async () => {
  const text = await scrape();
  const output = `gen_ai_client_token_usage_sum{${labels},gen_ai_token_type="output"} 27\n`;
  expect(text).toContain(output);
  expect(text).toContain(`gen_ai_client_token_usage_count{${labels},gen_ai_token_type="input"} 2\n`);
});

test('what SAP refuses for its rate is counted apart, with the class of its error', async () => {
  await (await stage.chat('Hi [[fault=throttled]]', { max_tokens: 50 })).text();
  const text = await scrape();
  const count = 'gen_ai_client_operation_duration_seconds_count';
  expect(text).toContain(`${count}{${labels},error_type="4xx"} 1\n`);
  expect(text).toContain(`${count}{${labels},error_type=""} 2\n`);
  const perModel = `${perBudget},model="gpt-4o-mini",resource_group="default"`;
  expect(text).toContain(`sapaibudget_upstream_throttled_total{${perModel}} 1\n`);
});

test('a model name of a client is never a label, however long it is', async () => {
  const model = `gpt-${'x'.repeat(1024 * 1024)}`;
  const answer = await fetch(`${stage.sidecar.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer chat.${appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  expect(answer.status).toBe(404);
  const text = await scrape();
  expect(text).not.toContain('xxxxxxxx');
  expect(text).toContain(`sapaibudget_denied_total{${perBudget},reason="model_not_found"} 1`);
});

test('a lease tells when it ends', async () => {
  const expiry = new RegExp(`sapaibudget_lease_expiry_timestamp_seconds\\{${perBudget}\\} (\\S+)`);
  const seconds = Number(expiry.exec(await scrape())?.[1]);
  expect(seconds).toBeGreaterThan(Date.now() / 1000);
});
