import { describe, expect, test } from 'vitest';
import { type ConfigurationAnswer, configurationAnswer } from '../../accounting/configuration-messages.ts';
import { PodMetering } from './pod-metering.ts';

const unifiedMetering = {
  useCaseId: 'AI-1',
  productType: 'Product',
  businessMetric: { pattern: 'COUNT' as const, param: 3 },
};
const answer: ConfigurationAnswer = {
  schema: 1,
  etag: 'a'.repeat(64),
  budgets: [
    {
      state: 'ready',
      namespace: 'team-a',
      budget: 'chat',
      ledger: { uid: 'u', name: 'l', period: { name: '2026-11', startMs: 1, endMs: 2 } },
      apiUrl: 'https://api.ai.example/v2',
      resourceGroups: ['default'],
      deployments: [],
      models: [],
      factors: [{ from: '2025-10-22', factor: '1.90385' }],
      priceVersion: 'default@1',
      allowedModels: [],
      unifiedMetering,
      outputTokens: { minimum: 16 },
    },
    {
      state: 'unavailable',
      namespace: 'team-a',
      budget: 'other',
      reason: 'SecretNotFound',
      message: 'see it',
    },
  ],
};

describe('a pod', () => {
  test('without an annotation is told what the budget says', () => {
    expect(new PodMetering(undefined).apply(answer)).toBe(answer);
    expect(new PodMetering(undefined).sourceEtag(answer.etag)).toBe(answer.etag);
  });

  test('with an annotation is told its own, in a valid message', () => {
    const own = new PodMetering('{"localTenantId":"t1"}').apply(answer);
    expect(configurationAnswer.parse(own).budgets).toEqual([
      { ...answer.budgets[0], unifiedMetering: { ...unifiedMetering, localTenantId: 't1' } },
      answer.budgets[1],
    ]);
  });

  test('whose annotation cannot be used is told so instead of being counted wrongly', () => {
    const own = new PodMetering('{"businessMetric":{"pattern":"PAGES","param":0}}').apply(answer);
    expect(configurationAnswer.parse(own).budgets).toMatchObject([
      {
        state: 'unavailable',
        budget: 'chat',
        reason: 'UnifiedMeteringInvalid',
        message: expect.stringContaining('businessMetric.param'),
      },
      { reason: 'SecretNotFound' },
    ]);
  });

  test('waits for news of the same annotation only', () => {
    const one = new PodMetering('{"localTenantId":"t1"}');
    const { etag } = one.apply(answer);
    expect(one.sourceEtag(etag)).toBe(answer.etag);
    expect(new PodMetering('{"localTenantId":"t2"}').sourceEtag(etag)).toBeUndefined();
    expect(new PodMetering(undefined).sourceEtag(etag)).toBeUndefined();
    expect(one.sourceEtag(answer.etag)).toBeUndefined();
    expect(one.sourceEtag(undefined)).toBeUndefined();
  });
});
