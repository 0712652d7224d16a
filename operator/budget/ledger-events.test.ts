import { expect, test } from 'vitest';
import { ledgerObjectEvent } from './ledger-events.ts';

const refused = { type: 'ReportRefused', refusal: 'report_backwards' } as const;

test('a refused report says who sent it, why, and that nothing is free because of it', () => {
  expect(ledgerObjectEvent({ ...refused, key: 'pod:1', name: 'team-a/app' })).toEqual({
    type: 'Warning',
    reason: 'ReportRefused',
    action: 'KeepLedger',
    note: 'Pod team-a/app sent a report that was refused (report_backwards): nothing of it is booked, and what it was granted stays set aside.',
  });
});

test('a holder that is a ledger is called by its budget', () => {
  const { note } = ledgerObjectEvent({ ...refused, key: 'ledger:1', name: 'team-a/chat' });
  expect(note).toMatch(/^Budget team-a\/chat sent/);
});
