import { expect, test } from 'vitest';
import { parseConfig } from './config.ts';
import type { ModelVersion } from './config.ts';
import { add, formatExact, zero } from './exact.ts';
import { factorAt, price } from './pricing.ts';

const config = parseConfig({});

function versionOf(model: string, name: string): ModelVersion {
  const found = config.models.find((one) => one.model === model)?.versions.find((one) => one.name === name);
  if (found === undefined) {
    throw new Error(`no ${model} ${name} in the catalogue`);
  }
  return found;
}

// Each value worked out by hand: (in × rate + cached × rate + out × rate) ÷ 1000 × factor.
test.each([
  {
    model: 'gpt-4o-mini',
    version: '2024-07-18',
    prompt: 3500,
    output: 300,
    factor: '2.24038',
    want: '0.0109330544',
  },
  {
    model: 'gpt-4o-mini',
    version: '2024-07-18',
    prompt: 3500,
    output: 300,
    factor: '1.90385',
    want: '0.009290788',
  },
  {
    model: 'gpt-5',
    version: '2025-08-07',
    prompt: 1_000_000,
    output: 0,
    factor: '2.24038',
    want: '2.0387458',
  },
  { model: 'gpt-5', version: '2025-08-07', prompt: 0, output: 1000, factor: '2.24038', want: '0.0151897764' },
  { model: 'gpt-4o', version: '2024-05-13', prompt: 1, output: 1, factor: '1.90385', want: '0.000023455432' },
  { model: 'gemini-2.5-pro', version: '001', prompt: 200_000, output: 0, factor: '1', want: '0.174' },
  { model: 'gemini-2.5-pro', version: '001', prompt: 200_001, output: 0, factor: '1', want: '0.33400167' },
])(
  '$model: $prompt in and $output out cost $want CU at $factor',
  ({ model, version, prompt, output, factor, want }) => {
    const tokens = { prompt, output, cached: 0, reasoning: 0 };
    expect(formatExact(price(tokens, versionOf(model, version), factor))).toBe(want);
  },
);

test('cached tokens cost their own rate, and the input rate where there is none', () => {
  const tokens = { prompt: 2000, cached: 1000, output: 0, reasoning: 0 };
  expect(formatExact(price(tokens, versionOf('gpt-4.1', '2025-04-14'), '1'))).toBe('0.00161');
  expect(formatExact(price(tokens, versionOf('gpt-4o-mini', '2024-07-18'), '1'))).toBe('0.00224');
});

test('25,000 requests add up without rounding', () => {
  const one = price(
    { prompt: 3500, cached: 0, output: 300, reasoning: 0 },
    versionOf('gpt-4o-mini', '2024-07-18'),
    '2.24038',
  );
  const sum = Array.from({ length: 25_000 }, () => one).reduce(add, zero);
  expect(formatExact(sum)).toBe('273.32636');
});

test.each([
  { at: '2024-12-19T00:00:00Z', want: '2.24038' },
  { at: '2025-10-21T23:59:59.999Z', want: '2.24038' },
  { at: '2025-10-22T00:00:00Z', want: '1.90385' },
  { at: '2026-11-23T12:00:00Z', want: '1.90385' },
])('the factor at $at is $want', ({ at, want }) => {
  expect(factorAt(config.factors, Date.parse(at))).toBe(want);
});

test('says so when no factor is in force yet', () => {
  expect(() => factorAt(config.factors, Date.parse('2024-12-18T23:59:59Z'))).toThrow(
    'no factor is in force on 2024-12-18',
  );
});
