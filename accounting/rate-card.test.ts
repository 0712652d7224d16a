import { describe, expect, test } from 'vitest';
import { parseLiveCost } from './live-cost.ts';
import { factorAt, type ModelRateEntry, resolveRates } from './rate-card.ts';

const at = Date.parse('2026-11-23T12:00:00Z');

function entry(
  genAiTokensPer1000: ModelRateEntry['genAiTokensPer1000'],
  rest: Partial<ModelRateEntry> = {},
): ModelRateEntry {
  return {
    model: 'gpt-4.1',
    versions: '*',
    from: '2026-01-01',
    override: false,
    ...rest,
    genAiTokensPer1000,
  };
}

describe('factorAt', () => {
  const factors = [
    { from: '2025-10-22', factor: '1.90385' },
    { from: '2024-12-19', factor: '2.24038' },
  ];

  test.each([
    ['2024-12-18T23:59:59.999Z', undefined],
    ['2024-12-19T00:00:00.000Z', '2.24038'],
    ['2025-10-21T23:59:59.999Z', '2.24038'],
    ['2025-10-22T00:00:00.000Z', '1.90385'],
    ['2030-01-01T00:00:00.000Z', '1.90385'],
  ])('at %s is %s', (instant, want) => {
    expect(factorAt(factors, Date.parse(instant))).toBe(want);
  });

  test('never takes an entry whose day is not a date', () => {
    expect(factorAt([{ from: 'soon', factor: '0.1' }], at)).toBeUndefined();
    expect(factorAt([...factors, { from: '2026-13-01', factor: '0.1' }], at)).toBe('1.90385');
  });
});

describe('resolveRates', () => {
  const live = parseLiveCost([{ inputCost: '0.00129' }, { outputCost: '0.00494' }]);
  test.each([
    { name: 'the live rates alone', models: [], want: [{ input: '0.00129', output: '0.00494' }] },
    {
      name: 'a kind that the live rates lack',
      models: [entry({ cacheRead: '0.00032' })],
      want: [{ input: '0.00129', output: '0.00494', cacheRead: '0.00032' }],
    },
    {
      name: 'the live rates before an entry of the card',
      models: [entry({ input: '9', output: '9' })],
      want: [{ input: '0.00129', output: '0.00494' }],
    },
    {
      name: 'an override before the live rates, for the kinds it names',
      models: [entry({ input: '9.0' }, { override: true })],
      want: [{ input: '9', output: '0.00494' }],
    },
    {
      name: 'an override before another entry, though it names the model less closely',
      models: [entry({ cacheRead: '2' }), entry({ cacheRead: '1' }, { model: '*', override: true })],
      want: [{ input: '0.00129', output: '0.00494', cacheRead: '1' }],
    },
    {
      name: 'no entry whose day has not come',
      models: [entry({ input: '9' }, { override: true, from: '2026-11-24' })],
      want: [{ input: '0.00129', output: '0.00494' }],
    },
    {
      name: 'the latest of several entries',
      models: [
        entry({ cacheRead: '1' }, { from: '2026-03-01' }),
        entry({ cacheRead: '2' }, { from: '2026-06-01' }),
        entry({ cacheRead: '3' }, { from: '2026-02-01' }),
      ],
      want: [{ input: '0.00129', output: '0.00494', cacheRead: '2' }],
    },
    {
      name: 'the entry that names the model most closely, though it is older',
      models: [
        entry({ cacheRead: '1' }, { model: 'gpt-*', from: '2026-06-01' }),
        entry({ cacheRead: '2' }, { model: 'gpt-4.1' }),
        entry({ cacheRead: '3' }, { model: '*', from: '2026-07-01' }),
      ],
      want: [{ input: '0.00129', output: '0.00494', cacheRead: '2' }],
    },
    {
      name: 'the entry that names the version most closely',
      models: [
        entry({ cacheRead: '1' }, { from: '2026-06-01' }),
        entry({ cacheRead: '2' }, { versions: '2025-04-14' }),
        entry({ cacheRead: '3' }, { versions: '2025-*' }),
      ],
      want: [{ input: '0.00129', output: '0.00494', cacheRead: '2' }],
    },
    {
      name: 'the dearer of two entries that fit equally',
      models: [entry({ cacheRead: '1' }, { model: 'gpt-*' }), entry({ cacheRead: '2' }, { model: '*-4.1' })],
      want: [{ input: '0.00129', output: '0.00494', cacheRead: '2' }],
    },
    {
      name: 'no entry of another model or version',
      models: [
        entry({ cacheRead: '1' }, { model: 'gpt-4.1-mini' }),
        entry({ cacheRead: '2' }, { versions: '2024-*' }),
      ],
      want: [{ input: '0.00129', output: '0.00494' }],
    },
  ])('takes $name', ({ models, want }) => {
    expect(resolveRates({ card: { models }, live, model: 'gpt-4.1', version: '2025-04-14', at })).toEqual(
      want,
    );
  });

  test('puts rates of the card into every live tier', () => {
    const tiered = parseLiveCost([
      { inputCost: '1', tierDescription: 'Less than or equals to 200k tokens per request' },
      { inputCost: '2', tierDescription: 'Greater than 200k tokens per request' },
    ]);
    const card = { models: [entry({ output: '5', cacheRead: '0.1' })] };
    expect(resolveRates({ card, live: tiered, model: 'gpt-4.1', version: '1', at })).toEqual([
      { upToInputTokens: 200_000, input: '1', output: '5', cacheRead: '0.1' },
      { input: '2', output: '5', cacheRead: '0.1' },
    ]);
  });

  test.each([
    { name: 'no rate at all', models: [] },
    { name: 'no output rate', models: [entry({ input: '1' })] },
    { name: 'no input rate', models: [entry({ output: '1', cacheRead: '1' })] },
  ])('gives a model with $name none', ({ models }) => {
    expect(resolveRates({ card: { models }, live: [], model: 'gpt-4.1', version: '1', at })).toBeUndefined();
  });

  test('takes the card alone for a model without live rates', () => {
    const card = { models: [entry({ input: '0.0012900', output: '1' })] };
    expect(resolveRates({ card, live: [], model: 'gpt-4.1', version: '1', at })).toEqual([
      { input: '0.00129', output: '1' },
    ]);
  });
});
