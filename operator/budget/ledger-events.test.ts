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

test.each([
  { booked: true, says: 'in a process that was followed by another: they are booked.' },
  {
    booked: false,
    says: 'in a process that was followed by another: they are not booked, the ledger has no',
  },
])('late spending says whether it is booked: $booked', ({ booked, says }) => {
  const event = { type: 'LateSpending', key: 'pod:1', name: 'team-a/app', amount: 3n, booked } as const;
  expect(ledgerObjectEvent(event).note).toContain(
    `Pod team-a/app spent 0.000000003 CU beyond its lease ${says}`,
  );
});

test.each([
  {
    name: 'by SAP’s final usage',
    released: 3n,
    note: "The period is closed: of 0.000000005 CU that were still held 0.000000002 are booked as spent, the rest is released: SAP's final usage leaves no room for it.",
  },
  {
    name: 'without evidence',
    released: 0n,
    note: 'The period is closed: of 0.000000002 CU that were still held 0.000000002 are booked as spent, because nothing tells that they were not.',
  },
])('the close of a period says what became of what was held, $name', ({ released, note }) => {
  expect(ledgerObjectEvent({ type: 'HeldSettled', settled: 2n, released })).toMatchObject({
    type: 'Normal',
    note,
  });
});
