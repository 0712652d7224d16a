import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BoundRefusal } from './bound-refusal.ts';
import { boundChatRequest, type ChatBound, limitField } from './chat-bound.ts';

const hello = { messages: [{ role: 'user', content: 'hello' }] };
const image = { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } };
const tool = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};

function bounded(body: unknown, contextLength?: number): ChatBound {
  const result = boundChatRequest(body, { contextLength });
  if (result.kind === 'refused') throw new Error(result.message);
  return result;
}

function refused(body: unknown, contextLength?: number): Pick<BoundRefusal, 'field' | 'reason'> {
  const result = boundChatRequest(body, { contextLength });
  if (result.kind === 'bound') throw new Error(`bound to ${result.inputTokens}`);
  expect(result.message.startsWith(`${result.field} `)).toBe(true);
  return { field: result.field, reason: result.reason };
}

describe('what is allowed', () => {
  test('bounds the request of an SDK that names nothing but messages', () => {
    // 32 for the request, 8 for the message, 4 for the role, 5 for the text.
    expect(bounded(hello)).toEqual({ kind: 'bound', inputTokens: 49, choices: 1, certainty: 'proved' });
  });

  test('takes every known field, set or null', () => {
    const settings = {
      model: 'gpt-4.1',
      temperature: 0.5,
      top_p: 1,
      stream: true,
      stream_options: { include_usage: true },
      stop: ['\n'],
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: { 50256: -100 },
      user: 'someone',
      seed: 1,
      parallel_tool_calls: false,
      logprobs: true,
      top_logprobs: 2,
      reasoning_effort: 'low',
      verbosity: 'low',
      metadata: { a: 'b' },
      modalities: ['text'],
      service_tier: 'auto',
      store: false,
      response_format: { type: 'text' },
      tools: [],
    };
    const unset = {
      max_tokens: null,
      max_completion_tokens: null,
      n: null,
      tool_choice: null,
      functions: null,
      function_call: null,
    };
    expect(bounded({ ...hello, ...settings, ...unset })).toEqual(bounded(hello));
    const nulls = Object.fromEntries(Object.keys(settings).map((field) => [field, null]));
    expect(bounded({ ...hello, ...nulls })).toEqual(bounded(hello));
  });

  test.each(['max_tokens', 'max_completion_tokens'])(
    'tells the limit of %s and the number of choices',
    (field) => {
      expect(bounded({ ...hello, [field]: 300, n: 4 })).toMatchObject({
        choices: 4,
        outputLimit: { field, tokens: 300 },
      });
    },
  );

  test('takes an answer that is sent back as it came', () => {
    const answer = {
      role: 'assistant',
      content: 'Hi.',
      refusal: null,
      annotations: [],
      audio: null,
      tool_calls: [],
    };
    expect(bounded({ messages: [...hello.messages, answer] }).certainty).toBe('proved');
  });

  test('counts every text of a message', () => {
    const base = bounded(hello).inputTokens;
    const grown = (message: object): number =>
      bounded({ messages: [{ role: 'user', content: 'hello', ...message }] }).inputTokens - base;
    expect(grown({ content: 'hello, world' })).toBe(7);
    expect(grown({ content: '漢字' })).toBe(1);
    expect(grown({ content: '\ufdfa' })).toBe(28);
    expect(grown({ name: 'ann' })).toBe(3);
    expect(grown({ tool_call_id: 'call_1' })).toBe(6);
    expect(grown({ content: null })).toBe(-5);
    expect(grown({ content: [{ type: 'text', text: 'hello' }] })).toBe(4);
    expect(grown({ content: [{ type: 'refusal', refusal: 'hello' }] })).toBe(4);
  });
});

describe('what is only assumed', () => {
  test('leaves room for the prompt that explains tools', () => {
    const bound = bounded({ ...hello, tools: [tool] });
    expect(bound.certainty).toBe('assumed');
    // Measured elsewhere: over 530 tokens for a request of 157 bytes with one tool.
    expect(bound.inputTokens).toBeGreaterThan(530 + JSON.stringify(tool).length);
  });

  test.each([
    ['functions', { functions: [tool.function] }],
    [
      'a schema of the answer',
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } } },
    ],
    ['an answer in JSON', { response_format: { type: 'json_object' } }],
    ['a choice of tool', { tool_choice: { type: 'function', function: { name: 'weather' } } }],
    ['a choice of function', { function_call: { name: 'weather' } }],
  ])('says so of %s', (_name, fields) => {
    const bound = bounded({ ...hello, ...fields });
    expect(bound.certainty).toBe('assumed');
    expect(bound.inputTokens).toBeGreaterThan(bounded(hello).inputTokens);
  });

  test('says so of earlier calls of tools, and counts them', () => {
    const calls = [
      { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Ulm"}' } },
    ];
    const bound = bounded({ messages: [{ role: 'assistant', content: null, tool_calls: calls }] });
    expect(bound.certainty).toBe('assumed');
    expect(bound.inputTokens).toBeGreaterThan(JSON.stringify(calls).length);
  });
});

describe('the context length', () => {
  test('is the most that any bound is, and proved', () => {
    expect(bounded({ ...hello, tools: [tool] }, 100)).toMatchObject({
      inputTokens: 100,
      certainty: 'proved',
    });
    expect(bounded(hello, 100).inputTokens).toBe(49);
  });

  test('is what an image counts as', () => {
    const body = { messages: [{ role: 'user', content: [{ type: 'text', text: 'what?' }, image] }] };
    expect(bounded(body, 128_000)).toMatchObject({ inputTokens: 128_000, certainty: 'proved' });
    expect(refused(body)).toEqual({ field: 'messages[0].content[1]', reason: 'context_length_unknown' });
  });
});

describe('what is refused', () => {
  test.each([
    ['prediction', { type: 'content', content: 'x' }],
    ['audio', { voice: 'alloy', format: 'wav' }],
    ['web_search_options', {}],
    ['data_sources', []],
    ['previous_response_id', 'resp_1'],
    ['Max_Tokens', 5],
    ['constructor', 1],
    ['whatever', null],
  ])('the field %s, by name', (field, value) => {
    expect(refused({ ...hello, [field]: value })).toEqual({ field, reason: 'field_not_allowed' });
  });

  test('a field that only looks like a prototype', () => {
    const body: unknown = JSON.parse('{"messages":[{"role":"user","content":"x"}],"__proto__":{"n":1}}');
    expect(refused(body)).toEqual({ field: '__proto__', reason: 'field_not_allowed' });
  });

  test.each([
    ['service_tier', 'priority', 'value_not_allowed', 'service_tier'],
    ['service_tier', 'flex', 'value_not_allowed', 'service_tier'],
    ['store', true, 'value_not_allowed', 'store'],
    ['modalities', ['text', 'audio'], 'value_not_allowed', 'modalities'],
    ['modalities', 'text', 'malformed', 'modalities'],
    ['tools', [{ type: 'web_search' }], 'value_not_allowed', 'tools[0].type'],
    ['tools', [tool, { type: 'custom', custom: {} }], 'value_not_allowed', 'tools[1].type'],
    ['tools', { type: 'function' }, 'malformed', 'tools'],
    ['functions', 'weather', 'malformed', 'functions'],
    ['tool_choice', { type: 'mcp' }, 'value_not_allowed', 'tool_choice.type'],
    ['response_format', { type: 'grammar' }, 'value_not_allowed', 'response_format.type'],
    ['response_format', 'json', 'malformed', 'response_format'],
    ['n', 0, 'malformed', 'n'],
    ['n', 129, 'malformed', 'n'],
    ['n', 1.5, 'malformed', 'n'],
    ['n', '2', 'malformed', 'n'],
    ['max_tokens', 0, 'malformed', 'max_tokens'],
    ['max_tokens', -1, 'malformed', 'max_tokens'],
    ['max_tokens', '10', 'malformed', 'max_tokens'],
    ['max_completion_tokens', 1e300, 'malformed', 'max_completion_tokens'],
    ['stream', 'true', 'malformed', 'stream'],
    ['stream_options', 'include_usage', 'malformed', 'stream_options'],
    ['messages', [], 'malformed', 'messages'],
    ['messages', 'hi', 'malformed', 'messages'],
    ['messages', null, 'malformed', 'messages'],
    ['messages', ['hi'], 'malformed', 'messages[0]'],
    ['messages', [{ content: 'hi' }], 'malformed', 'messages[0].role'],
    ['messages', [{ role: 'robot', content: 'hi' }], 'malformed', 'messages[0].role'],
    ['messages', [{ role: 'user', content: 5 }], 'malformed', 'messages[0].content'],
    ['messages', [{ role: 'user', content: [5] }], 'malformed', 'messages[0].content[0]'],
    ['messages', [{ role: 'user', content: [{ type: 'text' }] }], 'malformed', 'messages[0].content[0].text'],
    ['messages', [{ role: 'user', name: 5 }], 'malformed', 'messages[0].name'],
    ['messages', [{ role: 'assistant', audio: { id: 'a' } }], 'field_not_allowed', 'messages[0].audio'],
    ['messages', [{ role: 'user', file_ids: ['f'] }], 'field_not_allowed', 'messages[0].file_ids'],
  ])('%s with the value %j as %s', (field, value, reason, path) => {
    expect(refused({ ...hello, [field]: value })).toEqual({ field: path, reason });
  });

  test.each(['input_audio', 'file', 'video_url', undefined])('a content part of type %s', (type) => {
    expect(refused({ messages: [{ role: 'user', content: [{ type }] }] }, 128_000)).toEqual({
      field: 'messages[0].content[0].type',
      reason: 'value_not_allowed',
    });
  });

  test('a text part with more than text', () => {
    const content = [{ type: 'text', text: 'x', file_id: 'f' }];
    expect(refused({ messages: [{ role: 'user', content }] })).toEqual({
      field: 'messages[0].content[0].file_id',
      reason: 'field_not_allowed',
    });
  });

  test('two limits of output at once', () => {
    expect(refused({ ...hello, max_tokens: 5, max_completion_tokens: 50 })).toEqual({
      field: 'max_completion_tokens',
      reason: 'malformed',
    });
  });

  test.each([null, undefined, [], 'text', 5])('a body that is %j', (body) => {
    expect(refused(body)).toEqual({ field: 'body', reason: 'malformed' });
  });

  test('tools nested deeper than can be written', () => {
    const depth = 100_000;
    const nested: unknown = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(refused({ ...hello, functions: [nested] })).toEqual({ field: 'functions', reason: 'too_deep' });
  });

  test('a long name without repeating it, and no value at all', () => {
    const result = boundChatRequest({ ...hello, ['x'.repeat(10_000)]: 'secret-value' });
    expect(JSON.stringify(result).length).toBeLessThan(400);
    expect(JSON.stringify(result)).not.toContain('secret-value');
  });

  test('anything at all without an exception', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, content) => {
        expect(['bound', 'refused']).toContain(boundChatRequest(value).kind);
        const body = { messages: [{ role: 'user', content }], tools: value };
        expect(['bound', 'refused']).toContain(boundChatRequest(body).kind);
      }),
    );
  });
});

test('the bound is at least the bytes of all texts', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), text, (texts, name) => {
      const messages = texts.map((content) => ({ role: 'user', content, name }));
      const bytes = new TextEncoder().encode(texts.join('') + name.repeat(texts.length)).length;
      expect(bounded({ messages }).inputTokens).toBeGreaterThanOrEqual(bytes + 4 * texts.length + 3);
    }),
  );
});

test.each([
  ['gpt-5', 'max_completion_tokens'],
  ['gpt-5-mini', 'max_completion_tokens'],
  ['gpt-5.4', 'max_completion_tokens'],
  ['o1', 'max_completion_tokens'],
  ['o3-mini', 'max_completion_tokens'],
  ['o4-mini', 'max_completion_tokens'],
  ['gpt-4o', 'max_tokens'],
  ['gpt-4.1-nano', 'max_tokens'],
  ['gpt-35-turbo', 'max_tokens'],
  ['openai-o1', 'max_tokens'],
])('the output of %s is limited by %s', (model, want) => {
  expect(limitField(model)).toBe(want);
});
