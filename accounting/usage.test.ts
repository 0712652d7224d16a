import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { usageOfOpenAiChat } from './usage.ts';

describe('usageOfOpenAiChat', () => {
  test.each([
    {
      name: 'takes cached tokens out of the prompt and leaves reasoning in the completion',
      given: {
        completion_tokens: 17,
        completion_tokens_details: { accepted_prediction_tokens: 0, audio_tokens: 0, reasoning_tokens: 5 },
        prompt_tokens: 1293,
        prompt_tokens_details: { audio_tokens: 0, cached_tokens: 1024 },
        total_tokens: 1310,
      },
      want: { input: 269, cacheRead: 1024, output: 17, reasoning: 5 },
    },
    {
      name: 'reads details that are null',
      given: {
        prompt_tokens: 9,
        completion_tokens: 5,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      want: { input: 9, cacheRead: 0, output: 5, reasoning: 0 },
    },
    {
      name: 'reads details whose members are absent or null',
      given: {
        prompt_tokens: 14,
        completion_tokens: 7,
        prompt_tokens_details: {},
        completion_tokens_details: { reasoning_tokens: null },
      },
      want: { input: 14, cacheRead: 0, output: 7, reasoning: 0 },
    },
    {
      name: 'reads an answer without output',
      given: { prompt_tokens: 14, completion_tokens: 0 },
      want: { input: 14, cacheRead: 0, output: 0, reasoning: 0 },
    },
    {
      name: 'reads a prompt that was cached whole',
      given: { prompt_tokens: 14, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 14 } },
      want: { input: 0, cacheRead: 14, output: 1, reasoning: 0 },
    },
    {
      name: 'adds cached tokens that cannot be part of the prompt, and says so',
      given: { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 90 } },
      want: { input: 10, cacheRead: 90, output: 1, reasoning: 0, anomaly: 'cache_beyond_input' },
    },
    {
      name: 'adds reasoning that cannot be part of the completion, and says so',
      given: { prompt_tokens: 10, completion_tokens: 1, completion_tokens_details: { reasoning_tokens: 64 } },
      want: { input: 10, cacheRead: 0, output: 65, reasoning: 64, anomaly: 'reasoning_beyond_output' },
    },
  ])('$name', ({ given, want }) => {
    expect(usageOfOpenAiChat(given)).toEqual(want);
  });

  test.each([
    { name: 'absent', given: undefined },
    { name: 'null', given: null },
    { name: 'a list', given: [] },
    { name: 'text', given: '12' },
    { name: 'empty', given: {} },
    { name: 'all zero', given: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } },
    { name: 'without input', given: { prompt_tokens: 0, completion_tokens: 5 } },
    { name: 'without completion', given: { prompt_tokens: 5 } },
    { name: 'negative', given: { prompt_tokens: 5, completion_tokens: -1 } },
    { name: 'fractional', given: { prompt_tokens: 5.5, completion_tokens: 1 } },
    { name: 'in text', given: { prompt_tokens: '5', completion_tokens: 1 } },
    { name: 'beyond any context', given: { prompt_tokens: 5, completion_tokens: 1e12 } },
    {
      name: 'with details that are text',
      given: { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: 'none' },
    },
    {
      name: 'with a cached part that is negative',
      given: { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: -5 } },
    },
  ])('takes usage that is $name for unknown', ({ given }) => {
    expect(usageOfOpenAiChat(given)).toBeUndefined();
  });

  test('takes anything for counts or for unknown, without an exception', () => {
    fc.assert(
      fc.property(fc.anything(), (raw) => {
        const usage = usageOfOpenAiChat(raw);
        expect(usage === undefined || usage.input + usage.cacheRead > 0).toBe(true);
      }),
    );
  });

  test('counts each token of the whole once, whatever the parts', () => {
    const tokens = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, (prompt, completion, cached, reasoning) => {
        const usage = usageOfOpenAiChat({
          prompt_tokens: prompt,
          completion_tokens: completion,
          prompt_tokens_details: { cached_tokens: cached },
          completion_tokens_details: { reasoning_tokens: reasoning },
        });
        const input = (usage?.input ?? 0) + (usage?.cacheRead ?? 0);
        expect(input).toBe(cached <= prompt ? prompt : prompt + cached);
        expect(usage?.output).toBe(reasoning <= completion ? completion : completion + reasoning);
      }),
    );
  });
});
