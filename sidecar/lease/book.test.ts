import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newLease } from '../../accounting/lease.ts';
import { maxUnknowns, unknownByReason } from '../../accounting/unknown-costs.ts';
import { LeaseBook } from './book.ts';
import { Journal } from './journal.ts';

const identity = { budget: 'chat', ledgerUid: 'ledger-1', processId: 'a'.repeat(16) };
const row = {
  granted: 10n ** 12n,
  spent: 0n,
  overrun: 0n,
  unknown: 0n,
  lost: 0n,
  returned: 0n,
  released: 0n,
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'book-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function openBook(): { book: LeaseBook; journal: Journal } {
  const { journal } = Journal.open(folder, 'ledger-1');
  const book = new LeaseBook({ lease: newLease(identity), journal, log: pino({ level: 'silent' }) });
  book.write({ type: 'opened', ...identity, incarnation: 1, seq: 0, resumed: false, row });
  return { book, journal };
}

test('a long life keeps a short journal that still tells all of it', () => {
  const { book, journal } = openBook();
  for (let index = 0; index < 4000; index += 1) {
    const id = `request-${index}`;
    book.write({ type: 'reserve', id, amount: 10n, atMs: index });
    if (index % 100 === 0) book.writeFact({ type: 'unknown', id, reason: 'usage_missing', atMs: index });
    else book.writeFact({ type: 'settle', id, spent: 7n });
    expect(journal.bytes).toBeLessThan(300 * 1024);
  }
  book.close();
  const { journal: again, replay } = Journal.open(folder, 'ledger-1');
  again.close();
  expect(replay).toEqual({ state: 'whole', lease: book.lease, tornBytes: 0 });
  expect(book.lease).toMatchObject({ spent: 3960n * 7n, unknown: 400n, reserved: 0n });
});

test('nothing is reserved that cannot be written, and what has happened is kept in memory', () => {
  const { book, journal } = openBook();
  book.write({ type: 'reserve', id: 'a', amount: 10n, atMs: 1 });
  journal.close();
  expect(() => book.write({ type: 'reserve', id: 'b', amount: 10n, atMs: 2 })).toThrow(
    expect.objectContaining({ reason: 'closed' }),
  );
  book.writeFact({ type: 'settle', id: 'a', spent: 4n });
  expect(book.lease).toMatchObject({ spent: 4n, reserved: 0n });
});

test('a life of many unknown costs keeps a bounded journal, and tells each of them', () => {
  const { book, journal } = openBook();
  const reasons = ['usage_missing', 'upstream_error'] as const;
  for (let index = 0; index < 12_000; index += 1) {
    const id = `request-${index}`;
    book.write({ type: 'reserve', id, amount: 10n, atMs: index });
    book.writeFact({ type: 'unknown', id, reason: reasons[index % 2] ?? 'read_bound', atMs: index });
  }
  expect(book.lease.unknowns.size).toBe(maxUnknowns);
  expect(unknownByReason(book.lease)).toEqual([
    { reason: 'upstream_error', count: 6000, amount: 60_000n, sinceMs: 1 },
    { reason: 'usage_missing', count: 6000, amount: 60_000n, sinceMs: 0 },
  ]);
  expect(journal.bytes).toBeLessThan(1024 * 1024);
  book.write({ type: 'resolve', id: 'request-11999', spent: 4n });
  book.close();
  const { journal: again, replay } = Journal.open(folder, 'ledger-1');
  again.close();
  expect(replay).toEqual({ state: 'whole', lease: book.lease, tornBytes: 0 });
  expect(book.lease).toMatchObject({ spent: 4n, unknown: 119_990n });
});
