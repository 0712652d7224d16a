import { describe, expect, test } from 'vitest';
import { modelOf } from './applications.ts';
import { billedTotal, billedUse } from './billed.ts';
import { parseExactly } from './exact-json.ts';
import { readRows } from './usage-rows.ts';

const own = 'sub-1';

function row(rest: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    subaccountId: own,
    serviceId: 'ai-core',
    application: 'gpt-4o-2024-08-06',
    instanceId: 'default',
    measureId: 'capacity_units',
    startIsoDate: '2026-03-02',
    usage: '1',
    ...rest,
  };
}

function rowsOf(...rows: Record<string, unknown>[]) {
  return readRows({ content: rows }, own).rows;
}

describe('figures of usage', () => {
  test.each([
    { written: '9.4431', nano: 9_443_100_000n },
    { written: '1000000.0', nano: 1_000_000_000_000_000n },
    { written: '0.1', nano: 100_000_000n },
    { written: '1E-7', nano: 100n },
    { written: '0.0000000005', nano: 1n },
    { written: '0.0000000004', nano: 0n },
    { written: '-2.5', nano: -2_500_000_000n },
    { written: '123456789.123456789', nano: 123_456_789_123_456_789n },
  ])('$written is kept exactly, down to a nano-CU', ({ written, nano }) => {
    const text = JSON.stringify({ content: [row()] }).replace('"usage":"1"', `"usage":${written}`);
    const { rows } = readRows(parseExactly(text, 'usage'), own);
    expect(billedTotal(rows, own)).toBe(nano);
  });

  test('are those of AI Core in the subaccount alone', () => {
    const rows = rowsOf(
      row(),
      row({ subaccountId: 'sub-2', usage: '5000' }),
      row({ serviceId: 'hana-cloud', usage: '77' }),
    );
    expect(billedTotal(rows, own)).toBe(1_000_000_000n);
  });

  test('are all that is charged, or those of GenAI tokens where that measure is missing', () => {
    const genAi = (usage: string, rest = {}) =>
      row({ measureId: 'capacity_units_genai_token', usage, ...rest });
    expect(billedTotal(rowsOf(row({ usage: '3' }), genAi('2')), own)).toBe(3_000_000_000n);
    expect(billedTotal(rowsOf(row({ usage: '3' }), genAi('2', { instanceId: 'team-a' })), own)).toBe(
      5_000_000_000n,
    );
  });

  test('are summed by day and application over resource groups', () => {
    const measures = (instanceId: string) => [
      row({ instanceId, measureId: 'input_tokens', usage: '100' }),
      row({ instanceId, measureId: 'output_tokens', usage: '10' }),
      row({ instanceId, usage: '0.5' }),
    ];
    const rows = rowsOf(
      ...measures('default'),
      ...measures('team-a'),
      row({ application: null, usage: '7' }),
    );
    expect(billedUse(rows, own)).toEqual([
      {
        day: '2026-03-02',
        application: 'gpt-4o-2024-08-06',
        inputTokens: 200n,
        outputTokens: 20n,
        capacityUnits: 1_000_000_000n,
      },
      {
        day: '2026-03-02',
        application: '',
        inputTokens: 0n,
        outputTokens: 0n,
        capacityUnits: 7_000_000_000n,
      },
    ]);
  });
});

describe('an answer', () => {
  test('says through which day the subaccount was reported, by rows of any service', () => {
    const content = [
      row({ periodStartDate: 20_260_305, startIsoDate: undefined }),
      row({ serviceId: 'hana-cloud', startIsoDate: '2026-03-07' }),
      row({ subaccountId: 'sub-2', startIsoDate: '2026-03-09' }),
    ];
    expect(readRows({ content }, own).through).toBe('2026-03-07');
    expect(readRows({ content: [] }, own)).toEqual({ rows: [], through: undefined });
  });

  test.each([
    { name: 'is no object', body: [], says: 'has no rows' },
    { name: 'has other content', body: { content: 'x' }, says: 'has no rows' },
    { name: 'has a row that is a number', body: { content: [1] }, says: 'has a row that is none' },
    {
      name: 'has a figure that is a word',
      body: { content: [row({ usage: 'many' })] },
      says: 'usage cannot',
    },
    { name: 'has a figure that is a number', body: { content: [row({ usage: 1 })] }, says: 'usage cannot' },
    { name: 'has no measure', body: { content: [row({ measureId: null })] }, says: 'measureId cannot' },
    {
      name: 'has a day of no calendar',
      body: { content: [row({ startIsoDate: undefined, periodStartDate: 20_260_231 })] },
      says: 'day cannot',
    },
    {
      name: 'has a megabyte as application',
      body: { content: [row({ application: 'x'.repeat(1_000_000) })] },
      says: 'application cannot',
    },
  ])('that $name is refused', ({ body, says }) => {
    expect(() => readRows(body, own)).toThrow(says);
  });
});

test.each([
  { application: 'gpt-4o-2024-08-06', model: 'gpt-4o', version: '2024-08-06' },
  { application: 'anthropic--claude-3-haiku-1', model: 'anthropic--claude-3-haiku', version: '1' },
  { application: 'gemini-2.5-pro-001', model: 'gemini-2.5-pro', version: '001' },
  { application: 'gemini-1.5-pro-002-128k', model: 'gemini-1.5-pro-002-128k', version: '-' },
  { application: 'sonar-perplexity-us', model: 'sonar', version: 'perplexity-us' },
  { application: 'unheard-of', model: 'unheard-of', version: '-' },
  { application: '', model: '-', version: '-' },
])('application "$application" is model $model, version $version', ({ application, model, version }) => {
  const known = [{ model: 'sonar', version: 'perplexity-us' }];
  expect(modelOf(application, known)).toEqual({ model, version });
});
