import { describe, expect, test } from 'vitest';
import { boundEmbeddingsRequest, boundOrchestrationEmbeddings } from './embeddings-bound.ts';

const contextLengthOf = () => 100;

function tokensOf(input: unknown, contextLength?: number): number {
  const result = boundEmbeddingsRequest({ input }, { contextLength });
  if (result.kind === 'refused') throw new Error(result.message);
  return result.inputTokens;
}

function orchestration(embeddings: object, rest: object = { input: { text: 'x' } }): object {
  return { config: { modules: { embeddings } }, ...rest };
}

describe('the bound of a request for embeddings', () => {
  test('grows by a token a byte and by a constant a text', () => {
    const one = tokensOf('ab');
    expect(tokensOf('abc') - one).toBe(1);
    expect(tokensOf('ab€') - one).toBe(3);
    expect(tokensOf(['ab', 'ab'])).toBe(2 * one);
  });

  test('takes tokens as they are', () => {
    expect(tokensOf([1, 2, 3]) - tokensOf([1])).toBe(2);
    expect(tokensOf([[1, 2], [3]])).toBe(tokensOf([1, 2]) + tokensOf([3]));
  });

  test('keeps each text, and not all together, within the context length', () => {
    expect(tokensOf(['x'.repeat(500), 'x'.repeat(500)], 100)).toBe(200);
  });

  test.each([
    { name: 'no input', body: {}, field: 'input' },
    { name: 'an empty list', body: { input: [] }, field: 'input' },
    { name: 'mixed input', body: { input: ['a', 1] }, field: 'input[0]' },
    { name: 'tokens that are none', body: { input: [[1.5]] }, field: 'input[0]' },
    { name: 'an unknown field', body: { input: 'x', extra: 1 }, field: 'extra' },
  ])('is not there for $name', ({ body, field }) => {
    expect(boundEmbeddingsRequest(body)).toMatchObject({ kind: 'refused', field });
  });
});

describe('the bound of embeddings through orchestration', () => {
  test('names the model and its version', () => {
    const body = orchestration({ model: { name: 'text-embedding-3-small', params: { dimensions: 8 } } });
    expect(boundOrchestrationEmbeddings(body, { contextLengthOf })).toMatchObject({
      kind: 'bound',
      model: 'text-embedding-3-small',
      version: 'latest',
      inputTokens: 17,
    });
  });

  test.each([
    {
      name: 'masking',
      body: {
        config: { modules: { embeddings: { model: { name: 'x' } }, masking: {} } },
        input: { text: 'x' },
      },
      field: 'config.modules.masking',
      reason: 'module_unpriced',
    },
    {
      name: 'an unknown parameter',
      body: orchestration({ model: { name: 'x', params: { tier: 1 } } }),
      field: 'config.modules.embeddings.model.params.tier',
      reason: 'field_not_allowed',
    },
    {
      name: 'a list of numbers among texts',
      body: orchestration({ model: { name: 'x' } }, { input: { text: [['x']] } }),
      field: 'input.text[0]',
      reason: 'malformed',
    },
  ])('is not there for $name', ({ body, field, reason }) => {
    expect(boundOrchestrationEmbeddings(body, { contextLengthOf })).toMatchObject({
      kind: 'refused',
      field,
      reason,
    });
  });
});
