import { expect, test } from 'vitest';
import { parseStored } from '../../crds/parse.ts';
import { sapAiRateCard } from '../../crds/rate-card.ts';
import { buildDefaultRateCard } from './default.ts';

test('the shipped rate card fits its own schema as it is', () => {
  const card = buildDefaultRateCard();
  expect(parseStored(sapAiRateCard, card)).toEqual(card);
});

test('the shipped rate card has both published factors with a source, and no rates of models', () => {
  const { factors, models } = buildDefaultRateCard().spec;
  expect(factors.map(({ from, capacityUnitsPerGenAiToken }) => [from, capacityUnitsPerGenAiToken])).toEqual([
    ['2024-12-19', '2.24038'],
    ['2025-10-22', '1.90385'],
  ]);
  expect(factors.every(({ from, source }) => source.includes(from))).toBe(true);
  expect(models).toEqual([]);
});
