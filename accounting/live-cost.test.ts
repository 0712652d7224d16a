import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLiveCost } from './live-cost.ts';

const upTo200k = { tier: '1', tierDescription: 'Less than or equals to 200k tokens per request' };
const above200k = { tier: '2', tierDescription: 'Greater than 200k tokens per request' };

describe('parseLiveCost', () => {
  test.each([
    {
      name: 'the plain form',
      cost: [{ inputCost: '0.00312' }, { outputCost: '0.0092' }],
      want: [{ input: '0.00312', output: '0.0092' }],
    },
    {
      name: 'numbers, also small ones',
      cost: [{ inputCost: 0.00312 }, { outputCost: 1e-7 }],
      want: [{ input: '0.00312', output: '0.0000001' }],
    },
    {
      name: 'both kinds in one map, and unknown members',
      cost: [{ inputCost: '0.00029', outputCost: '0.0', imageCost: 'ten', currency: null }],
      want: [{ input: '0.00029', output: '0' }],
    },
    {
      name: 'a kind alone',
      cost: [{ inputCost: '0.00029' }],
      want: [{ input: '0.00029' }],
    },
    {
      name: 'the tiered form',
      cost: [
        { inputCost: '0.00087', ...upTo200k },
        { inputCost: '0.00167', ...above200k },
        { outputCost: '0.00647', ...upTo200k },
        { outputCost: '0.00966', ...above200k },
      ],
      want: [
        { upToInputTokens: 200_000, input: '0.00087', output: '0.00647' },
        { input: '0.00167', output: '0.00966' },
      ],
    },
    {
      name: 'tiers out of order',
      cost: [
        { inputCost: '2', outputCost: '2', ...above200k },
        { inputCost: '1', outputCost: '1', ...upTo200k },
      ],
      want: [
        { upToInputTokens: 200_000, input: '1', output: '1' },
        { input: '2', output: '2' },
      ],
    },
    {
      name: 'one kind in tiers and the other not',
      cost: [{ inputCost: '1', ...upTo200k }, { inputCost: '2', ...above200k }, { outputCost: '5' }],
      want: [
        { upToInputTokens: 200_000, input: '1', output: '5' },
        { input: '2', output: '5' },
      ],
    },
    {
      name: 'a tier without its successor: beyond it the dearest holds',
      cost: [{ inputCost: '1', ...upTo200k }, { outputCost: '5' }],
      want: [
        { upToInputTokens: 200_000, input: '1', output: '5' },
        { input: '1', output: '5' },
      ],
    },
    {
      name: '"less than" without "or equals"',
      cost: [
        { inputCost: '1', outputCost: '1', tierDescription: 'less than 1M tokens per request' },
        {
          inputCost: '2',
          outputCost: '2',
          tierDescription: 'Greater than or equal to 1M tokens per request',
        },
      ],
      want: [
        { upToInputTokens: 999_999, input: '1', output: '1' },
        { input: '2', output: '2' },
      ],
    },
    {
      name: 'two rates for one tier: the dearer',
      cost: [{ inputCost: '1', outputCost: '1' }, { inputCost: '0.5' }, { inputCost: '3' }],
      want: [{ input: '3', output: '1' }],
    },
    {
      name: 'a description that is not understood: the dearest of each kind everywhere',
      cost: [
        { inputCost: '1', outputCost: '9', ...upTo200k },
        { inputCost: '2', outputCost: '3', tier: '2', tierDescription: 'At weekends' },
      ],
      want: [{ input: '2', output: '9' }],
    },
    {
      name: 'a numbered tier without a description beside one with it: the dearest everywhere',
      cost: [
        { inputCost: '1', outputCost: '9', ...upTo200k },
        { inputCost: '2', outputCost: '3', tier: '2' },
      ],
      want: [{ input: '2', output: '9' }],
    },
    {
      name: 'a tier without a description: the dearest of each kind everywhere',
      cost: [
        { inputCost: '1', outputCost: '9', tier: '1' },
        { inputCost: '2', outputCost: '3', tier: '2' },
      ],
      want: [{ input: '2', output: '9' }],
    },
    {
      name: 'a rate that cannot be read: that kind has none',
      cost: [{ inputCost: '1', ...upTo200k }, { inputCost: 'free', ...above200k }, { outputCost: '5' }],
      want: [{ output: '5' }],
    },
    { name: 'a negative rate: none', cost: [{ inputCost: '-1' }], want: [] },
    { name: 'a rate that is null: none', cost: [{ inputCost: null }], want: [] },
    { name: 'nothing', cost: undefined, want: [] },
    { name: 'an empty list', cost: [], want: [] },
    { name: 'what is not a list', cost: { inputCost: '1' }, want: [] },
    { name: 'a list of other things', cost: [null, 'inputCost', 5, []], want: [] },
    {
      name: 'a list beyond all bounds',
      cost: Array.from({ length: 65 }, () => ({ inputCost: '1' })),
      want: [],
    },
  ])('reads $name', ({ cost, want }) => {
    expect(parseLiveCost(cost)).toEqual(want);
  });

  test('gives one tier with the dearest rates rather than more than eight', () => {
    const cost = Array.from({ length: 9 }, (_, index) => ({
      inputCost: `${index}`,
      outputCost: '1',
      tierDescription: `Less than or equals to ${index + 1}k tokens per request`,
    }));
    expect(parseLiveCost(cost)).toEqual([{ input: '8', output: '1' }]);
  });

  test('takes anything without an exception, and ends every list with a tier that has no bound', () => {
    const member = fc.oneof(fc.constantFrom('0.5', 'x', null, 2), fc.jsonValue());
    const map = fc.dictionary(fc.constantFrom('inputCost', 'outputCost', 'tier', 'tierDescription'), member);
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(map)), (cost) => {
        expect(parseLiveCost(cost).at(-1)?.upToInputTokens).toBeUndefined();
      }),
    );
  });
});
