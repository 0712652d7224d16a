import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Lease, type LeaseRecord, applyRecord, newLease } from '../../accounting/lease.ts';
import { sentRecord } from '../../accounting/lease-messages.ts';
import { Journal, journaledLedgers } from './journal.ts';
import { decodeRecord, encodeRecord } from './record-line.ts';

const uid = 'ledger-1';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const row = { granted: 100n, spent: 0n, overrun: 0n, unknown: 0n, lost: 0n, returned: 0n, released: 0n };
const identity = { budget: 'chat', ledgerUid: uid, processId: 'a'.repeat(16) };

/** A life with every kind of record, each built on what came before. */
function life(): { records: LeaseRecord[]; lease: Lease } {
  const lease = newLease(identity);
  const records: LeaseRecord[] = [];
  const add = (record: LeaseRecord) => {
    applyRecord(lease, record);
    records.push(record);
  };
  add({ type: 'opening', ...identity });
  add({ type: 'opened', ...identity, incarnation: 1, seq: 0, resumed: false, row });
  add({ type: 'reserve', id: 'one', amount: 30n, atMs: 1 });
  add({ type: 'reserve', id: 'two', amount: 20n, atMs: 2 });
  add({ type: 'settle', id: 'one', spent: 35n });
  add({ type: 'unknown', id: 'two', reason: 'usage_missing', atMs: 3 });
  add(sentRecord(lease, { need: 5n, want: 9n }));
  add({ type: 'answered', seq: 1, row: { ...row, granted: 110n, spent: 35n, overrun: 5n } });
  add({ type: 'resolve', id: 'two', spent: 1n });
  add({ type: 'return', amount: 10n });
  add({ type: 'reserve', id: 'three', amount: 7n, atMs: 4 });
  add(sentRecord(lease));
  return { records, lease };
}

function file(): string {
  return path.join(folder, `${uid}.journal`);
}

function writeLife(): Lease {
  const { records, lease } = life();
  const { journal } = Journal.open(folder, uid);
  for (const record of records) journal.append(record);
  journal.close();
  return lease;
}

describe('a journal', () => {
  test('gives back exactly the lease it was written from', () => {
    const lease = writeLife();
    const { journal, replay } = Journal.open(folder, uid);
    journal.close();
    expect(replay).toEqual({ state: 'whole', lease, tornBytes: 0 });
    expect(journaledLedgers(folder)).toEqual([uid]);
  });

  test('gives back the same lease from a snapshot, and goes on after it', () => {
    const lease = writeLife();
    const { journal } = Journal.open(folder, uid);
    const before = journal.bytes;
    journal.rewrite(lease);
    expect(journal.bytes).toBeLessThan(before);
    const more: LeaseRecord = { type: 'settle', id: 'three', spent: 2n };
    journal.append(more);
    journal.close();
    applyRecord(lease, more);
    expect(Journal.open(folder, uid).replay).toEqual({ state: 'whole', lease, tornBytes: 0 });
  });

  test('cut at any byte is the lease up to the last whole record', () => {
    writeLife();
    const content = readFileSync(file());
    const { records } = life();
    for (let cut = 1; cut < content.length; cut += 1) {
      writeFileSync(file(), content.subarray(0, cut));
      const wholeRecords = content.subarray(0, cut).toString().split('\n').length - 1;
      const lease = newLease({ budget: '', ledgerUid: uid, processId: '' });
      for (const record of records.slice(0, wholeRecords)) applyRecord(lease, record);
      const { journal, replay } = Journal.open(folder, uid);
      journal.close();
      expect(replay).toMatchObject(wholeRecords === 0 ? { state: 'absent' } : { state: 'whole', lease });
      expect(readFileSync(file()).toString().split('\n').length - 1).toBe(wholeRecords);
    }
  });

  test('goes on after a torn last record as if that had never been', () => {
    writeLife();
    appendFileSync(file(), encodeRecord({ type: 'return', amount: 1n }).subarray(0, 12));
    const { journal } = Journal.open(folder, uid);
    journal.append({ type: 'return', amount: 2n });
    journal.close();
    expect(Journal.open(folder, uid).replay).toMatchObject({
      state: 'whole',
      tornBytes: 0,
      lease: { returned: 12n },
    });
  });

  const damages: { name: string; damage: (content: Buffer) => Buffer }[] = [
    {
      name: 'a changed digit in the middle',
      damage: (content) =>
        Buffer.from(content.toString().replace('"spent":"0.000000035"', '"spent":"0.000000034"')),
    },
    {
      name: 'a missing line',
      damage: (content) => Buffer.from(content.toString().split('\n').toSpliced(2, 1).join('\n')),
    },
    {
      name: 'a doubled line',
      damage: (content) =>
        Buffer.concat([content, encodeRecord({ type: 'reserve', id: 'three', amount: 7n, atMs: 4 })]),
    },
    {
      name: 'another format version',
      damage: (content) => Buffer.from(content.toString().replace(/^1 /m, '2 ')),
    },
    { name: 'something else', damage: () => Buffer.from('not a journal\n') },
    {
      name: 'a return of more than is idle',
      damage: (content) => Buffer.concat([content, encodeRecord({ type: 'return', amount: 1000n })]),
    },
  ];
  test.each(damages)('with $name is put aside and never gone on from', ({ damage }) => {
    writeLife();
    writeFileSync(file(), damage(readFileSync(file())));
    const { journal, replay } = Journal.open(folder, uid);
    journal.close();
    expect(replay.state).toBe('unusable');
    expect(existsSync(`${file()}.broken`)).toBe(true);
    expect(readFileSync(file()).length).toBe(0);
    expect(journaledLedgers(folder)).toEqual([uid]);
  });

  test('of another ledger is not taken for this one’s', () => {
    writeLife();
    writeFileSync(path.join(folder, 'other.journal'), readFileSync(file()));
    expect(Journal.open(folder, 'other').replay.state).toBe('unusable');
  });

  test.each(['../evil', '', 'a/b', '.hidden'])('is never opened for a ledger named %j', (name) => {
    expect(() => Journal.open(folder, name)).toThrow(expect.objectContaining({ reason: 'bad_name' }));
  });

  test('takes nothing once it is closed', () => {
    const { journal } = Journal.open(folder, uid);
    journal.close();
    expect(() => journal.append({ type: 'return', amount: 0n })).toThrow(
      expect.objectContaining({ reason: 'closed' }),
    );
  });
});

test('every record is read back as it was written', () => {
  for (const record of life().records)
    expect(decodeRecord(encodeRecord(record).subarray(0, -1))).toEqual(record);
});
