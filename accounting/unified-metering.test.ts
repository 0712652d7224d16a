import { describe, expect, test } from 'vitest';
import { overrideMetering, type UnifiedMetering, unifiedMetering } from './unified-metering.ts';

const budget: UnifiedMetering = {
  useCaseId: 'AI-LPR001-REQUEST-0001-25Q4',
  productType: 'Product Name',
  businessMetric: { pattern: 'COUNT', param: 3 },
};

describe("a pod's annotation", () => {
  test.each([
    { name: 'with nothing changes nothing', annotation: {}, want: budget },
    { name: 'sets a tenant', annotation: { localTenantId: 't1' }, want: { ...budget, localTenantId: 't1' } },
    {
      name: 'sets an empty tenant',
      annotation: { localTenantId: '' },
      want: { ...budget, localTenantId: '' },
    },
    {
      name: 'replaces the business metric',
      annotation: { businessMetric: { pattern: 'PAGES', param: 100_000 } },
      want: { ...budget, businessMetric: { pattern: 'PAGES', param: 100_000 } },
    },
  ])('$name', ({ annotation, want }) => {
    expect(overrideMetering(budget, JSON.stringify(annotation))).toEqual(want);
  });

  test('that says everything needs no budget that does', () => {
    expect(overrideMetering(undefined, JSON.stringify(budget))).toEqual(budget);
  });

  test.each([
    { name: 'is not JSON', annotation: 'COUNT', says: 'JSON object' },
    { name: 'is a list', annotation: '[]', says: 'JSON object' },
    { name: 'is too long', annotation: JSON.stringify({ useCaseId: 'x'.repeat(5000) }), says: 'JSON object' },
    {
      name: 'has half a metric',
      annotation: '{"businessMetric":{"pattern":"PAGES"}}',
      says: 'businessMetric.param',
    },
    {
      name: 'has a block of no tokens',
      annotation: '{"businessMetric":{"pattern":"PAGES","param":0}}',
      says: 'businessMetric.param',
    },
    {
      name: 'has too long a block',
      annotation: '{"businessMetric":{"pattern":"PAGES","param":100001}}',
      says: 'businessMetric.param',
    },
    {
      name: 'has a text no header carries',
      annotation: String.raw`{"useCaseId":"a\r\nb"}`,
      says: 'useCaseId',
    },
    { name: 'has a member nobody knows', annotation: '{"tenant":"x"}', says: 'tenant' },
  ])('that $name is refused, naming it', ({ annotation, says }) => {
    const result = overrideMetering(budget, annotation);
    expect(result).toHaveProperty('problem', expect.stringContaining(says));
    expect(result).toHaveProperty('problem', expect.stringContaining('sapai.eerly.ai/unified-metering'));
  });
});

test('a budget without a use case is no metering', () => {
  const { useCaseId: _, ...rest } = budget;
  expect(unifiedMetering.safeParse(rest).success).toBe(false);
});
