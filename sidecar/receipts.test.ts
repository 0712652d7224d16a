import { expect, test } from 'vitest';
import { Receipts } from './receipts.ts';

test('a receipt is found by its request id until a thousand newer ones have come', () => {
  const receipts = new Receipts();
  for (let number = 0; number <= 1000; number += 1)
    receipts.note({ requestId: `r${number}`, model: 'gpt-4o', reserved: '0.1', spent: '0.05' });
  expect(receipts.find('r0')).toBeUndefined();
  expect(receipts.find('r1')).toEqual({ requestId: 'r1', model: 'gpt-4o', reserved: '0.1', spent: '0.05' });
});
