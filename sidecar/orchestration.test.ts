import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { formatAmount } from '../accounting/amount.ts';
import { billedBy } from './testing/billed.ts';
import { appKey, type Stage, startStage, until } from './testing/stage.ts';

let stage: Stage;
afterEach(async () => stage.close());

const totals = () => stage.operator.ledger('ledger-1').totals;
const billed = () => billedBy(stage.emulator);
const orchestrationDeployment = 'd00000000000000a';

interface EntryOptions {
  model?: string;
  params?: object;
  modules?: object;
}

function entry(
  content: string,
  { model = 'gpt-4o-mini', params = { max_tokens: 400 }, modules }: EntryOptions = {},
) {
  return {
    prompt_templating: {
      prompt: { template: [{ role: 'user', content }] },
      model: { name: model, params, max_retries: 2 },
    },
    ...modules,
  };
}

async function complete(config: object, rest: object = {}, path = 'v2/completion'): Promise<Response> {
  return fetch(`${stage.sidecar.origin}/v2/inference/deployments/${orchestrationDeployment}/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer chat.${appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ config, ...rest }),
  });
}

const reserved = (response: Response) => Number(response.headers.get('sapaibudget-cu-reserved'));

/** The body that reached SAP last. */
function sentBody(): unknown {
  return JSON.parse(stage.emulator.captured.read({ route: 'orchestration', limit: 1 })[0]?.body ?? '');
}

const usageOf = z.object({
  final_result: z.object({
    usage: z.object({ capacity_units_input: z.number(), capacity_units_output: z.number() }),
  }),
});

describe('an orchestration answer', () => {
  test('carries its cost in usage and in headers, and is booked as billed', async () => {
    stage = await startStage();
    const response = await complete({ modules: entry('Hello [[out=40]]') });
    expect(response.headers.get('sapaibudget-model')).toBe('gpt-4o-mini');
    const text = await response.text();
    const input = response.headers.get('sapaibudget-cu-input') ?? '';
    const output = response.headers.get('sapaibudget-cu-output') ?? '';
    expect(text).toContain(`"usage":{"capacity_units_input":${input},"capacity_units_output":${output},`);
    const { usage } = usageOf.parse(JSON.parse(text)).final_result;
    expect(usage).toMatchObject({
      capacity_units_input: Number(input),
      capacity_units_output: Number(output),
    });
    expect(text.match(/capacity_units_input/g)).toHaveLength(1);
    await until(() => totals().settled > 0n);
    expect(totals().settled).toBe(billed());
    expect(response.headers.get('sapaibudget-cu-actual')).toBe(formatAmount(billed()));
  });

  test.each(['anthropic--claude-4-sonnet', 'gemini-2.5-pro', 'gpt-5'])(
    'of %s is priced by its own rates',
    async (model) => {
      stage = await startStage({ cap: '30' });
      const response = await complete({
        modules: entry('Hi [[out=100]]', { model, params: { max_completion_tokens: 200 } }),
      });
      expect(response.headers.get('sapaibudget-model')).toBe(model);
      await until(() => totals().settled > 0n);
      expect(totals().settled).toBe(billed());
    },
  );

  test('is asked for without retries, and with the limit its reservation relies on', async () => {
    stage = await startStage({ budget: { outputTokens: { minimum: 16, maximum: 300 } } });
    await complete({ modules: entry('Hi', { params: {} }) });
    expect(sentBody()).toMatchObject({
      config: { modules: { prompt_templating: { model: { max_retries: 0, params: { max_tokens: 300 } } } } },
    });
  });

  test('is shortened only to what the budget pays for, and says so', async () => {
    stage = await startStage({ cap: '0.01' });
    const response = await complete({ modules: entry('Hi [[out=5000]]', { params: { max_tokens: 4000 } }) });
    const clamped = Number(response.headers.get('sapaibudget-max-tokens-clamped'));
    expect(clamped).toBeGreaterThan(16);
    expect(clamped).toBeLessThan(4000);
    expect(stage.emulator.books.read().entries).toMatchObject([{ limit: clamped, outputTokens: clamped }]);
    await until(() => totals().settled > 0n);
    expect(totals().settled).toBe(billed());
  });
});

describe('an orchestration stream', () => {
  const stream = { enabled: true, chunk_size: 50 };

  test('shows no usage that was not asked for and says its cost in a comment', async () => {
    stage = await startStage();
    const text = await (await complete({ modules: entry('Hello [[out=40]]'), stream })).text();
    expect(text).not.toContain('"usage"');
    expect(text).toContain('"finish_reason":"stop"');
    expect(text).toMatch(
      /: sapaibudget cu-actual=[\d.]+ cu-input=[\d.]+ cu-output=[\d.]+\n\ndata: \[DONE\]\n\n$/,
    );
    await until(() => totals().settled > 0n);
    expect(totals().settled).toBe(billed());
  });

  test('carries its cost beside the usage that was asked for', async () => {
    stage = await startStage();
    const params = { max_tokens: 400, stream_options: { include_usage: true } };
    const text = await (await complete({ modules: entry('Hello [[out=40]]', { params }), stream })).text();
    const cost = /cu-input=(?<input>[\d.]+) cu-output=(?<output>[\d.]+)/.exec(text)?.groups;
    expect(text).toContain(
      `"capacity_units_input":${cost?.['input']},"capacity_units_output":${cost?.['output']}`,
    );
  });

  test.each([
    { name: 'is filtered and reports usage 0', fault: 'output-filtered', reason: 'usage_missing' },
    { name: 'has no usage', fault: 'no-usage', reason: 'usage_missing' },
    { name: 'ends in an error', fault: 'stream-error', reason: 'upstream_error' },
    { name: 'breaks off', fault: 'abrupt-close', reason: 'connection_lost' },
  ])('that $name is held at its worst case', async ({ fault, reason }) => {
    stage = await startStage();
    const text = await (await complete({ modules: entry(`Hi [[out=40]][[fault=${fault}]]`), stream })).text();
    expect(text).toContain(`reason=${reason}`);
    await until(() => totals().held > 0n);
    expect(totals().held).toBeGreaterThanOrEqual(billed());
    expect(totals().settled).toBe(0n);
  });

  test('that broke tells why in an error event of orchestration', async () => {
    stage = await startStage();
    const text = await (await complete({ modules: entry('Hi [[fault=abrupt-close]]'), stream })).text();
    expect(text).toMatch(/data: \{"error":\{"request_id":"[^"]+","code":502/);
  });
});

describe('a fallback list', () => {
  test('is reserved for all of its entries, and booked for the one that answered', async () => {
    stage = await startStage();
    stage.emulator.addFault({ fault: 'throttled', match: { model: 'gpt-4o' } });
    const single = await complete({ modules: [entry('Hi [[out=10]]')] });
    const both = await complete({
      modules: [entry('Hi [[out=10]]', { model: 'gpt-4o' }), entry('Hi [[out=10]]')],
    });
    expect(both.headers.get('sapaibudget-model')).toBe('gpt-4o-mini');
    expect(reserved(both)).toBeGreaterThan(2 * reserved(single));
    await until(() => totals().settled === billed());
    expect(stage.emulator.books.read().totals.requests).toBe(2);
  });

  test('in which a model broke that may have run is held', async () => {
    stage = await startStage();
    stage.emulator.addFault({ fault: 'http-500', match: { model: 'gpt-4o' } });
    const response = await complete({ modules: [entry('Hi', { model: 'gpt-4o' }), entry('Hi')] });
    expect(response.status).toBe(200);
    expect(response.headers.get('sapaibudget-cu-held')).not.toBeNull();
    await until(() => totals().held > 0n);
    expect(totals().held).toBeGreaterThanOrEqual(billed());
    expect(stage.emulator.books.read().entries.map(({ model }) => model)).toEqual(['gpt-4o', 'gpt-4o-mini']);
  });
});

describe('a request that cannot be bounded', () => {
  test.each([
    {
      name: 'a module without a price',
      config: { modules: entry('Hi', { modules: { masking: {} } }) },
      field: 'config.modules.masking',
    },
    {
      name: 'an unknown parameter',
      config: { modules: entry('Hi', { params: { thinking: {} } }) },
      field: 'config.modules.prompt_templating.model.params.thinking',
    },
  ])('for $name is refused in the words of orchestration, naming it', async ({ config, field }) => {
    stage = await startStage();
    const response = await complete(config);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: {
        code: 400,
        location: field,
        message: expect.stringContaining(field),
        request_id: expect.any(String),
      },
    });
    expect(stage.emulator.books.read().entries).toEqual([]);
  });

  test.each([
    { model: 'gpt-5.4-nano', reason: 'model_unpriced' },
    { model: 'nobody--knows-1', reason: 'model_unknown' },
  ])('for model $model is refused as $reason', async ({ model, reason }) => {
    stage = await startStage();
    const response = await complete({ modules: entry('Hi', { model }) });
    expect(response.headers.get('sapaibudget-reason')).toBe(reason);
    expect(stage.emulator.books.read().entries).toEqual([]);
  });

  test('for a model that is not allowed, wherever in the list, is refused', async () => {
    stage = await startStage({ budget: { allowedModels: ['gpt-4o-mini'] } });
    const response = await complete({ modules: [entry('Hi'), entry('Hi', { model: 'gpt-4o' })] });
    expect(response.status).toBe(403);
  });
});

describe('a model that costs more than its bound', () => {
  test('is booked in full and closed, while others of the deployment go on', async () => {
    stage = await startStage();
    await complete({ modules: entry('Hi [[fault=hidden-tokens]]') });
    await until(() => totals().settled > 0n);
    expect(totals().settled).toBe(billed());
    const again = await complete({ modules: entry('Hi') });
    expect(again.status).toBe(503);
    expect(again.headers.get('sapaibudget-reason')).toBe('bound_exceeded');
    expect((await complete({ modules: entry('Hi', { model: 'gpt-4o' }) })).status).toBe(200);
    expect((await complete({ modules: [entry('Hi', { model: 'gpt-4o' }), entry('Hi')] })).status).toBe(503);
  });
});
