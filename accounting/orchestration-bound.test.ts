import { describe, expect, test } from 'vitest';
import { boundChatRequest } from './chat-bound.ts';
import { boundOrchestrationRequest } from './orchestration-bound.ts';

const contextLengthOf = () => 128_000;
const bound = (body: unknown) => boundOrchestrationRequest(body, { contextLengthOf });

interface Parts {
  prompt?: object;
  model?: object;
  modules?: object;
  template?: unknown[];
}

function entry({ prompt = {}, model = {}, modules = {}, template }: Parts = {}): object {
  return {
    prompt_templating: {
      prompt: { template: template ?? [{ role: 'user', content: 'Hello' }], ...prompt },
      model: { name: 'gpt-4o', ...model },
    },
    ...modules,
  };
}

function request(parts: Parts = {}, rest: object = {}): object {
  return { config: { modules: entry(parts) }, ...rest };
}

/** Input tokens of the only attempt. */
function inputTokens(body: object): number {
  const result = bound(body);
  if (result.kind === 'refused') throw new Error(result.message);
  return result.attempts[0]?.inputTokens ?? 0;
}

describe('the bound of an orchestration request', () => {
  test('is that of the chat request it becomes', () => {
    const history = [{ role: 'assistant', content: 'Before' }];
    const template = [{ role: 'user', content: 'Now' }];
    const chat = boundChatRequest({ messages: [...history, ...template], max_tokens: 50, n: 2 });
    const model = { version: '2024-11-20', params: { max_tokens: 50, n: 2 } };
    expect(bound(request({ template, model }, { messages_history: history }))).toEqual({
      kind: 'bound',
      stream: false,
      attempts: [
        {
          model: 'gpt-4o',
          version: '2024-11-20',
          inputTokens: Reflect.get(chat, 'inputTokens'),
          choices: 2,
          outputLimit: { field: 'max_tokens', tokens: 50 },
          certainty: 'proved',
        },
      ],
    });
  });

  test('counts a value as often as its placeholder stands, history included', () => {
    const template = [{ role: 'user', content: '{{?a}} and {{ ?a }}' }];
    const history = { messages_history: [{ role: 'user', content: '{{?a}}' }] };
    const with100 = inputTokens(
      request({ template }, { placeholder_values: { a: 'x'.repeat(100) }, ...history }),
    );
    const with200 = inputTokens(
      request({ template }, { placeholder_values: { a: 'x'.repeat(200) }, ...history }),
    );
    expect(with200 - with100).toBe(300);
  });

  test('counts the longer of a value and its default', () => {
    const template = [{ role: 'user', content: '{{?a}}' }];
    const prompt = { defaults: { a: 'x'.repeat(200) } };
    const short = inputTokens(request({ template, prompt }, { placeholder_values: { a: 'x' } }));
    const long = inputTokens(request({ template, prompt }, { placeholder_values: { a: 'x'.repeat(201) } }));
    expect(long - short).toBe(1);
  });

  test('counts a placeholder it cannot read as the longest value', () => {
    const values = { placeholder_values: { a: 'x'.repeat(100) } };
    const plain = inputTokens(request({ template: [{ role: 'user', content: '{{?é}}' }] }));
    const filled = inputTokens(request({ template: [{ role: 'user', content: '{{?é}}' }] }, values));
    expect(filled - plain).toBe(100);
  });

  test('counts a value in a schema as it is spelt there, twice', () => {
    const format = { type: 'json_schema', json_schema: { description: '{{?a}}' } };
    const prompt = { response_format: format };
    const plain = inputTokens(request({ prompt }));
    const filled = inputTokens(request({ prompt }, { placeholder_values: { a: '"' } }));
    expect(filled - plain).toBe(2 * JSON.stringify('"').length);
  });

  test('is never above the context length', () => {
    const body = request(
      { template: [{ role: 'user', content: '{{?a}}' }] },
      { placeholder_values: { a: 'x'.repeat(200_000) } },
    );
    expect(inputTokens(body)).toBe(128_000);
  });

  test('has one part for each entry of a list', () => {
    const modules = [
      entry({ model: { name: 'gpt-4o', params: { max_tokens: 10 } } }),
      entry({ model: { name: 'gpt-5' } }),
    ];
    expect(bound({ config: { modules, stream: { enabled: true, chunk_size: 100 } } })).toMatchObject({
      stream: true,
      attempts: [
        { model: 'gpt-4o', version: 'latest', outputLimit: { tokens: 10 } },
        { model: 'gpt-5', version: 'latest' },
      ],
    });
  });

  test.each([
    { name: 'gpt-4o', certainty: 'proved' },
    { name: 'o3', certainty: 'proved' },
    { name: 'anthropic--claude-4-sonnet', certainty: 'assumed' },
  ])('is $certainty for $name', ({ name, certainty }) => {
    expect(bound(request({ model: { name } }))).toMatchObject({ attempts: [{ certainty }] });
  });
});

describe('an orchestration request', () => {
  const templating = 'config.modules.prompt_templating';
  test.each([
    {
      name: 'filtering',
      body: request({ modules: { filtering: {} } }),
      field: 'config.modules.filtering',
      reason: 'module_unpriced',
    },
    {
      name: 'masking',
      body: request({ modules: { masking: {} } }),
      field: 'config.modules.masking',
      reason: 'module_unpriced',
    },
    {
      name: 'grounding',
      body: request({ modules: { grounding: {} } }),
      field: 'config.modules.grounding',
      reason: 'module_unpriced',
    },
    {
      name: 'translation',
      body: request({ modules: { translation: {} } }),
      field: 'config.modules.translation',
      reason: 'module_unpriced',
    },
    {
      name: 'a module nobody knows',
      body: request({ modules: { other: {} } }),
      field: 'config.modules.other',
      reason: 'field_not_allowed',
    },
    {
      name: 'config_ref',
      body: { config_ref: { id: 'x' } },
      field: 'config_ref',
      reason: 'reference_not_allowed',
    },
    {
      name: 'template_ref',
      body: request({ prompt: { template_ref: { id: 'x' } } }),
      field: `${templating}.prompt.template_ref`,
      reason: 'reference_not_allowed',
    },
    {
      name: 'a filled placeholder in a value',
      body: request({}, { placeholder_values: { a: 'x {{?b}}' } }),
      field: 'placeholder_values.a',
      reason: 'value_not_allowed',
    },
    {
      name: 'messages in the parameters',
      body: request({ model: { params: { messages: [] } } }),
      field: `${templating}.model.params.messages`,
      reason: 'field_not_allowed',
    },
    {
      name: 'a parameter nobody knows',
      body: request({ model: { params: { thinking: {} } } }),
      field: `${templating}.model.params.thinking`,
      reason: 'field_not_allowed',
    },
    {
      name: 'a limit that is none',
      body: request({ model: { params: { max_tokens: 0 } } }),
      field: `${templating}.model.params.max_tokens`,
      reason: 'malformed',
    },
    {
      name: 'a cached tool',
      body: request({ prompt: { tools: [{ type: 'function', function: {}, cache_control: {} }] } }),
      field: `${templating}.prompt.tools[0].cache_control`,
      reason: 'field_not_allowed',
    },
    {
      name: 'a cached text',
      body: request({
        template: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control: {} }] }],
      }),
      field: `${templating}.prompt.template[0].content[0].cache_control`,
      reason: 'field_not_allowed',
    },
    {
      name: 'a file in the history',
      body: request({}, { messages_history: [{ role: 'user', content: [{ type: 'file' }] }] }),
      field: 'messages_history[0].content[0].type',
      reason: 'value_not_allowed',
    },
    {
      name: 'no template',
      body: request({ prompt: { template: [] } }),
      field: `${templating}.prompt.template`,
      reason: 'malformed',
    },
    {
      name: 'an unknown member of the body',
      body: request({}, { extra: 1 }),
      field: 'extra',
      reason: 'field_not_allowed',
    },
    {
      name: 'an unknown member of the stream',
      body: { config: { modules: entry(), stream: { usage: 1 } } },
      field: 'config.stream.usage',
      reason: 'field_not_allowed',
    },
    {
      name: 'no model name',
      body: request({ model: { name: 1 } }),
      field: `${templating}.model.name`,
      reason: 'malformed',
    },
    {
      name: 'an empty list',
      body: { config: { modules: [] } },
      field: 'config.modules',
      reason: 'malformed',
    },
    {
      name: 'the second entry',
      body: { config: { modules: [entry(), entry({ modules: { masking: {} } })] } },
      field: 'config.modules[1].masking',
      reason: 'module_unpriced',
    },
  ])('with $name is refused by name', ({ body, field, reason }) => {
    const result = bound(body);
    expect(result).toMatchObject({
      kind: 'refused',
      reason,
      field,
    });
    expect(Reflect.get(result, 'message')).toMatch(/^\S+ (must|is|refers)/);
  });

  test('may say that it uses nothing', () => {
    const body = request(
      { modules: { filtering: null, masking: undefined } },
      { placeholder_values: {}, messages_history: [] },
    );
    expect(bound(body)).toMatchObject({ kind: 'bound' });
  });
});
