import { expect, test } from 'vitest';
import { maxAmount } from '../accounting/amount.ts';
import { maxMeteredLines, meter, newLedger } from '../accounting/ledger.ts';
import { maxUsageModel, maxUsageVersion } from '../accounting/messages.ts';
import { encodeUsage } from '../accounting/usage-text.ts';
import { maxUsageLength } from './ledger.ts';

test('metered usage fits into a ledger, whatever the names and figures of its lines', () => {
  const period = { name: '2026-10', startMs: Date.UTC(2026, 9, 1), endMs: Date.UTC(2026, 10, 1) };
  const ledger = newLedger({ budget: { namespace: 'a', name: 'b' }, period, cap: 0n });
  const most = 1_000_000_000_000_000;
  const figures = { input: most, cacheRead: most, output: most, spent: maxAmount - 1n };
  for (let index = 0; index < 2 * maxMeteredLines; index += 1) {
    const day = `2026-10-${String((index % 31) + 1).padStart(2, '0')}`;
    const model = String(index).padEnd(maxUsageModel, 'm');
    meter(ledger, [{ day, model, version: 'v'.repeat(maxUsageVersion), ...figures }]);
  }
  expect(ledger.usage.size).toBe(maxMeteredLines + 31);
  expect(encodeUsage(ledger.usage.values()).length).toBeLessThanOrEqual(maxUsageLength);
});
