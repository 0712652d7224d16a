import { expect, test } from 'vitest';
import { outputMaximum } from './output-maximum.ts';

test.each([
  { model: 'gpt-4o', version: '2024-05-13', tokens: 4096 },
  { model: 'gpt-4o', version: '2024-11-20', tokens: 16_384 },
  { model: 'gpt-4o-mini', version: '2024-07-18', tokens: 16_384 },
  { model: 'gpt-5.4-nano', version: '2026-03-17', tokens: 128_000 },
  { model: 'mistralai--mistral-small', version: '2603', tokens: undefined },
])('the longest answer of $model $version is $tokens tokens', ({ model, version, tokens }) => {
  expect(outputMaximum(model, version)).toBe(tokens);
});
