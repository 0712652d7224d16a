import { describe, expect, test } from 'vitest';
import {
  answeringAttempts,
  isProviderName,
  mayHaveRun,
  usageMember,
  usageOfEmbeddings,
  usageOfOrchestration,
} from './orchestration-answer.ts';

const usage = { prompt_tokens: 9, completion_tokens: 10, total_tokens: 19 };
const zero = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

describe('the usage of an orchestration answer', () => {
  test.each([
    {
      name: 'in both results counts once',
      answer: { final_result: { usage }, intermediate_results: { llm: { usage } } },
      want: usage,
    },
    {
      name: 'of the model counts where the final one is missing',
      answer: { intermediate_results: { llm: { usage } } },
      want: usage,
    },
    {
      name: 'of the model counts where the final one is zero',
      answer: { final_result: { usage: zero }, intermediate_results: { llm: { usage } } },
      want: usage,
    },
    { name: 'that is zero stays what it is', answer: { final_result: { usage: zero } }, want: zero },
    { name: 'is absent where there is none', answer: { final_result: null }, want: undefined },
  ])('$name', ({ answer, want }) => {
    expect(usageMember(answer)).toEqual(want);
  });

  test('has its kinds apart', () => {
    const raw = {
      ...usage,
      prompt_tokens_details: { cached_tokens: 4, cache_creation_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 3 },
    };
    expect(usageOfOrchestration(raw)).toEqual({ input: 5, cacheRead: 4, output: 10, reasoning: 3 });
  });

  test.each([
    { name: 'is zero', raw: zero },
    {
      name: 'has tokens written to a cache',
      raw: { ...usage, prompt_tokens_details: { cache_creation_tokens: 1 } },
    },
    { name: 'is no object', raw: 7 },
  ])('that $name tells no cost', ({ raw }) => {
    expect(usageOfOrchestration(raw)).toBeUndefined();
  });

  test('of embeddings is input alone', () => {
    expect(usageOfEmbeddings({ prompt_tokens: 3, total_tokens: 3 })).toEqual({
      input: 3,
      cacheRead: 0,
      output: 0,
      reasoning: 0,
    });
    expect(usageOfEmbeddings({ prompt_tokens: 0 })).toBeUndefined();
    expect(usageOfEmbeddings(undefined)).toBeUndefined();
  });
});

describe("a provider's name", () => {
  test.each([
    ['gpt-4o-2024-08-06', 'gpt-4o'],
    ['gpt-5-2025-08-07-dz-std', 'gpt-5'],
    ['claude-sonnet-4-5-20250929', 'anthropic--claude-4.5-sonnet'],
    ['gemini-2.5-flash', 'gemini-2.5-flash'],
    ['gemini-1.5-pro-002', 'gemini-1.5-pro'],
  ])('%s is of %s', (provider, model) => {
    expect(isProviderName(provider, model)).toBe(true);
  });

  test.each([
    ['gpt-4o-mini-2024-07-18', 'gpt-4o'],
    ['gpt-4o-2024-08-06', 'gpt-4o-mini'],
    ['claude-sonnet-4-5-20250929', 'anthropic--claude-4-sonnet'],
    ['gemini-2.5-flash-lite', 'gemini-2.5-flash'],
    ['', 'gpt-4o'],
    ['ada', 'text-embedding-ada-002'],
  ])('%s is not of %s', (provider, model) => {
    expect(isProviderName(provider, model)).toBe(false);
  });
});

describe('after a fallback', () => {
  const attempts = [
    { model: 'gpt-4o', version: 'latest' },
    { model: 'gpt-4o-mini', version: 'latest' },
    { model: 'gpt-4o-mini', version: '2024-07-18' },
  ];
  test.each([
    {
      name: 'the count of failures tells',
      facts: { model: 'gpt-4o-mini-2024-07-18', failures: 2 },
      want: [2],
    },
    { name: 'the count tells where the name is of nobody', facts: { model: 'x', failures: 1 }, want: [1] },
    {
      name: 'a name that contradicts the count leaves a doubt',
      facts: { model: 'gpt-4o-2024-11-20', failures: 1 },
      want: [1, 0],
    },
    {
      name: 'the name tells where nothing is counted',
      facts: { model: 'gpt-4o-2024-11-20', failures: undefined },
      want: [0],
    },
    {
      name: 'two entries of one model stay in doubt',
      facts: { model: 'gpt-4o-mini', failures: undefined },
      want: [1, 2],
    },
    {
      name: 'anybody may have answered where nothing tells',
      facts: { model: undefined, failures: undefined },
      want: [0, 1, 2],
    },
    {
      name: 'more failures than entries tell nothing',
      facts: { model: undefined, failures: 3 },
      want: [0, 1, 2],
    },
  ])('$name', ({ facts, want }) => {
    expect(answeringAttempts(attempts, facts)).toEqual(want);
  });

  test('an only entry has answered, whatever the answer calls it', () => {
    expect(answeringAttempts(attempts.slice(0, 1), { model: 'other', failures: undefined })).toEqual([0]);
  });

  test.each([
    { name: 'none', failures: undefined, want: false },
    { name: 'a refused model', failures: [{ code: 400 }], want: false },
    { name: 'a throttled one', failures: [{ code: 429 }, { code: 503 }], want: false },
    { name: 'one that broke', failures: [{ code: 400 }, { code: 500 }], want: true },
    { name: 'one that took too long', failures: [{ code: 408 }], want: true },
    { name: 'one that says nothing', failures: [{}], want: true },
  ])('failures before it may have cost something: $name', ({ failures, want }) => {
    expect(mayHaveRun(failures)).toBe(want);
  });
});
