import { expect, test } from 'vitest';
import { type Receipt, Receipts } from './receipts.ts';

const receiptOf = (requestId: string): Receipt => ({
  requestId,
  time: '2026-11-23T12:00:00.000Z',
  budget: 'team-a/chat',
  period: '2026-11',
  model: 'gpt-4o',
  outcome: 'settled',
  reserved: '0.1',
  spent: '0.05',
});

test('a receipt is found by its request id until a thousand newer ones have come', () => {
  const receipts = new Receipts();
  for (let number = 0; number <= 1000; number += 1) receipts.note(receiptOf(`r${number}`));
  expect(receipts.find('r0')).toBeUndefined();
  expect(receipts.find('r1')).toEqual(receiptOf('r1'));
});
