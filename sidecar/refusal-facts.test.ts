import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseAmount } from '../accounting/amount.ts';
import { setShares } from '../accounting/ledger-shares.ts';
import type { Ledger } from '../accounting/ledger.ts';
import { type Stage, appKey, startStage } from './testing/stage.ts';

const refusal = z.object({ error: z.object({ message: z.string(), sapaibudget: z.looseObject({}) }) });
let stage: Stage;
afterEach(async () => {
  await stage.close();
});

/** A pod whose ledger is as `prepare` leaves it, and a call that costs more than a thousandth CU. */
async function refused(prepare: (ledger: Ledger) => void): Promise<z.infer<typeof refusal>['error']> {
  stage = await startStage({ cap: '10' });
  prepare(stage.operator.ledger(stage.budget.ledger.uid));
  const answer = await stage.chat('Hello', { max_tokens: 10_000 });
  expect(answer.status).toBe(429);
  return refusal.parse(await answer.json()).error;
}

function guarantee(ledger: Ledger): void {
  const share = { guaranteed: parseAmount('9.9999'), weight: 1 };
  setShares(ledger, new Map([['team-b/search', share]]));
}

describe('a refusal', () => {
  test('names what is set aside for other budgets, and so does the status page', async () => {
    const { message, sapaibudget } = await refused(guarantee);
    expect(sapaibudget).toMatchObject({ grantable: '0.0001', guaranteedToOthers: '9.9999', waitedFor: '0' });
    expect(message).toContain('9.9999 guaranteed to other budgets');
    const headers = { authorization: `Bearer chat.${appKey}` };
    const status = await fetch(`${stage.sidecar.origin}/sapai/status`, { headers });
    expect(await status.json()).toMatchObject({
      leases: [{ ledger: { cap: '10', spent: '0', guaranteedToOthers: '9.9999', grantable: '0.0001' } }],
      lastDenials: [{ reason: 'exhausted', message }],
    });
  });

  test('names the budget above when that is what cannot add more', async () => {
    const { message, sapaibudget } = await refused((ledger) => {
      const budget = { namespace: 'platform', name: 'all' };
      ledger.parent = {
        budget,
        ledgerUid: 'above',
        incarnation: 1,
        seq: 1,
        granted: 0n,
        returned: 0n,
        overrun: 0n,
      };
    });
    expect(sapaibudget).toMatchObject({ cap: '10', parent: 'platform/all', parentGrantable: '0' });
    expect(message).toContain('platform/all above it can add 0');
  });
});
