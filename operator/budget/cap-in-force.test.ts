import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { capInForce } from './cap-in-force.ts';

const nowMs = Date.parse('2026-11-23T12:00:00Z');
const raise = (capacityUnits: string, until: string) => ({
  capacityUnits,
  until,
  reason: 'launch',
  author: 'ada',
});

test('without raises the cap is the limit', () => {
  expect(capInForce({ monthlyLimit: '2500' }, nowMs)).toEqual({ cap: parseAmount('2500') });
});

test('raises that run are added, and the first to end says when the cap changes', () => {
  const raises = [
    raise('100', '2026-11-25T00:00:00Z'),
    raise('500m', '2026-11-24T00:00:00Z'),
    raise('7', '2026-11-23T12:00:00Z'),
  ];
  expect(capInForce({ monthlyLimit: '2500', raises }, nowMs)).toEqual({
    cap: parseAmount('2600.5'),
    changesAtMs: Date.parse('2026-11-24T00:00:00Z'),
  });
});

test('limit and raises together are at most what a ledger can count', () => {
  const raises = [raise('1G', '2026-11-25T00:00:00Z')];
  expect(capInForce({ monthlyLimit: '1G', raises }, nowMs).cap).toBe(parseAmount('1000000000'));
});
