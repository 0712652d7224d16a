import { describe, expect, test } from 'vitest';
import type { UnifiedMetering } from '../accounting/unified-metering.ts';
import { meteringHeaders } from './metering-headers.ts';

const requestId = '550e8400-e29b-41d4-a716-446655440000';
const metering: UnifiedMetering = {
  useCaseId: 'AI-1',
  productType: 'Product',
  businessMetric: { pattern: 'COUNT', param: 3 },
};
const whole = {
  'x-usecase-id': 'AI-1',
  'x-localtenant-id': '',
  'x-product-type': 'Product',
  'x-business-metric-pattern': 'COUNT',
  'x-business-metric-param': '3',
  'x-business-context': requestId,
};

describe('the headers of unified metering', () => {
  test('are all set where the client sent none, with an empty tenant and the request as context', () => {
    expect(meteringHeaders({}, { metering, requestId })).toEqual({ headers: whole, unmetered: false });
  });

  test('are not set for a budget without metering and a client that wants none', () => {
    expect(meteringHeaders({}, { metering: undefined, requestId })).toEqual({
      headers: {},
      unmetered: false,
    });
  });

  test.each(Object.keys(whole))('leave %s as the client sent it', (name) => {
    const own = name === 'x-business-metric-pattern' ? 'COUNT' : '7';
    const { headers, unmetered } = meteringHeaders({ [name]: own }, { metering, requestId });
    expect(Object.keys({ ...headers, [name]: own }).toSorted()).toEqual(Object.keys(whole).toSorted());
    expect(headers).not.toHaveProperty(name);
    expect(unmetered).toBe(false);
  });

  test('do not mix minutes and tokens', () => {
    const client = { 'x-business-metric-pattern': 'PAGES' };
    const { headers, unmetered } = meteringHeaders(client, { metering, requestId });
    expect(headers).not.toHaveProperty('x-business-metric-param');
    expect(unmetered).toBe(true);
  });

  test('give a context to a client that sent everything else', () => {
    const { 'x-business-context': _, ...client } = whole;
    expect(meteringHeaders(client, { metering: undefined, requestId })).toEqual({
      headers: { 'x-business-context': requestId },
      unmetered: false,
    });
  });

  test.each([
    { name: 'a missing use case', change: { 'x-usecase-id': undefined } },
    { name: 'an empty use case', change: { 'x-usecase-id': '' } },
    { name: 'a missing tenant', change: { 'x-localtenant-id': undefined } },
    { name: 'an unknown pattern', change: { 'x-business-metric-pattern': 'WORDS' } },
    { name: 'a block of no tokens', change: { 'x-business-metric-param': '0' } },
    { name: 'too long a block', change: { 'x-business-metric-param': '100001' } },
    { name: 'a parameter that is no number', change: { 'x-business-metric-param': '1e3' } },
  ])('are told to be of no use with $name', ({ change }) => {
    expect(meteringHeaders({ ...whole, ...change }, { metering: undefined, requestId }).unmetered).toBe(true);
  });
});
