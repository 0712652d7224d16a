import { describe, expect, test } from 'vitest';
import { cu } from './ledger-scene.ts';
import { applyRecord, idle, newLease, orphanRecords, snapshotRecord } from './lease.ts';
import { answerRecord, openRequest, reportRequest, sentRecord } from './lease-messages.ts';
import { unknownByReason } from './unknown-costs.ts';
import type { Lease, LeaseRecord } from './lease.ts';
import { schemaVersion } from './message-parts.ts';
import type { LeaseAnswer, RowFigures } from './messages.ts';

const identity = { budget: 'chat', ledgerUid: 'uid', processId: '00000000000000aa' };

function row(figures: Partial<Record<keyof RowFigures, number>> = {}): RowFigures {
  const { granted = 10, spent = 0, overrun = 0, unknown = 0, lost = 0, returned = 0, released = 0 } = figures;
  return {
    granted: cu(granted),
    spent: cu(spent),
    overrun: cu(overrun),
    unknown: cu(unknown),
    lost: cu(lost),
    returned: cu(returned),
    released: cu(released),
  };
}
function opened(resumed: boolean, figures = row(), incarnation = 1): LeaseRecord {
  return { type: 'opened', ...identity, incarnation, seq: 0, resumed, row: figures };
}
function reserve(id: string, amount: number): LeaseRecord {
  return { type: 'reserve', id, amount: cu(amount), atMs: 1 };
}
function settle(id: string, spent: number): LeaseRecord {
  return { type: 'settle', id, spent: cu(spent) };
}
function lose(id: string, atMs = 2): LeaseRecord {
  return { type: 'unknown', id, reason: 'usage_missing', atMs };
}
/** A lease of ten CU after these records. */
function leaseAfter(...records: LeaseRecord[]): Lease {
  const lease = newLease(identity);
  for (const record of [opened(false), ...records]) applyRecord(lease, record);
  return lease;
}
function reported(seq: number, incarnation = 1): LeaseAnswer {
  const sums = { cap: 0n, settled: 0n, outstanding: 0n, held: 0n };
  const left = { grantable: 0n, guaranteedToOthers: 0n, waitedFor: 0n };
  const ledger = { ...sums, ...left, enforced: true, seq: 9 };
  return {
    schema: schemaVersion,
    kind: 'reported',
    incarnation,
    seq,
    row: row({ granted: 15 }),
    remainingSeconds: 300,
    ledger,
  };
}

test.each<{
  name: string;
  records: LeaseRecord[];
  free: number;
  spent?: number;
  overrun?: number;
  reserved?: number;
  unknown?: number;
}>([
  { name: 'all that was granted is idle', records: [], free: 10 },
  { name: 'what a request may cost is not', records: [reserve('a', 4)], free: 6, reserved: 4 },
  {
    name: 'what it did not cost is idle again',
    records: [reserve('a', 4), settle('a', 1)],
    free: 9,
    spent: 1,
  },
  {
    name: 'what it cost beyond that is spent on top',
    records: [reserve('a', 4), settle('a', 5)],
    free: 6,
    spent: 5,
    overrun: 1,
  },
  { name: 'a cost nobody knows stays taken', records: [reserve('a', 4), lose('a')], free: 6, unknown: 4 },
  {
    name: 'a cost that is learned later is spent, and the rest idle',
    records: [reserve('a', 4), lose('a'), { type: 'resolve', id: 'a', spent: cu(3) }],
    free: 7,
    spent: 3,
  },
  { name: 'what is returned is gone', records: [{ type: 'return', amount: cu(10) }], free: 0 },
  { name: 'what another process lost is gone', records: [opened(true, row({ lost: 3 }), 2)], free: 7 },
  { name: 'what was released is gone', records: [opened(true, row({ released: 3 }), 2)], free: 7 },
])('$name', ({ records, free, spent = 0, overrun = 0, reserved = 0, unknown = 0 }) => {
  const lease = leaseAfter(...records);
  expect(idle(lease)).toBe(cu(free));
  expect(lease).toMatchObject({
    spent: cu(spent),
    overrun: cu(overrun),
    reserved: cu(reserved),
    unknown: cu(unknown),
  });
});

test.each<{ name: string; records: LeaseRecord[] }>([
  { name: 'a request that reserves twice', records: [reserve('a', 1), reserve('a', 1)] },
  { name: 'a request that is settled without a reservation', records: [settle('a', 1)] },
  { name: 'a request that is settled twice', records: [reserve('a', 1), settle('a', 1), settle('a', 1)] },
  {
    name: 'a cost that is learned but was known',
    records: [reserve('a', 1), { type: 'resolve', id: 'a', spent: 0n }],
  },
  {
    name: 'a return of what a request has reserved',
    records: [reserve('a', 4), { type: 'return', amount: cu(7) }],
  },
  { name: 'a report that leaves a number out', records: [{ ...sentRecord(leaseAfter()), seq: 2 }] },
  { name: 'an answer nobody waits for', records: [{ type: 'answered', seq: 1, row: row() }] },
  { name: 'an older process after a newer one', records: [opened(true, row(), 3), opened(true, row(), 2)] },
  {
    name: 'a process that follows one whose requests are open',
    records: [reserve('a', 1), opened(true, row(), 2)],
  },
  { name: 'a snapshot in the middle', records: [snapshotRecord(leaseAfter())] },
])('a journal with $name is not to be trusted', ({ records }) => {
  expect(() => leaseAfter(...records)).toThrow('the journal breaks a rule');
});

describe('a process', () => {
  test('without a journal opens without figures', () => {
    expect(openRequest(identity, undefined)).toEqual({ schema: schemaVersion, kind: 'open', ...identity });
    expect(openRequest(identity, newLease(identity))).not.toHaveProperty('resume');
  });

  test('with a journal opens with its figures, requests that were under way as unknown', () => {
    const lease = leaseAfter(reserve('a', 4), reserve('b', 2), settle('b', 1));
    for (const record of orphanRecords(lease, 7)) applyRecord(lease, record);
    expect(openRequest({ ...identity, processId: '00000000000000bb' }, lease)).toMatchObject({
      processId: '00000000000000bb',
      resume: {
        incarnation: 1,
        seq: 0,
        spent: cu(1),
        unknown: [{ reason: 'process_killed', count: 1, amount: cu(4), sinceMs: 7 }],
      },
    });
    expect(lease.reserved).toBe(0n);
  });

  test('names those before it that have begun and were not answered', () => {
    const lease = leaseAfter();
    const ids = Array.from({ length: 6 }, (_, index) => `00000000000000b${index}`);
    for (const processId of ids) applyRecord(lease, { type: 'opening', ...identity, processId });
    const older = ids.slice(1, 5).toReversed();
    expect(openRequest({ ...identity, processId: ids[5] ?? '' }, lease).olderProcessIds).toEqual(older);
    applyRecord(lease, opened(true, row(), 2));
    expect(openRequest(identity, lease)).not.toHaveProperty('olderProcessIds');
  });

  test('that may not go on starts from the figures of the row', () => {
    const figures = row({ granted: 12, spent: 3, overrun: 1, lost: 5, returned: 2 });
    const lease = leaseAfter(reserve('a', 4), lose('a'), opened(false, figures, 2));
    expect(lease).toMatchObject({
      spent: cu(3),
      overrun: cu(1),
      returned: cu(2),
      unknown: 0n,
      incarnation: 2,
    });
    expect(idle(lease)).toBe(cu(3));
  });

  test('that may not go on may get a number that was there before: the ledger came back from a backup', () => {
    const lease = leaseAfter(opened(true, row(), 3), reserve('a', 4), lose('a'), opened(false, row(), 2));
    expect(lease).toMatchObject({ incarnation: 2, unknown: 0n });
    expect(() => leaseAfter(opened(true, row(), 3), opened(true, row(), 2))).toThrow('older');
  });
});

describe('a report', () => {
  test('says the same each time it is repeated, whatever has happened since', () => {
    const lease = leaseAfter(reserve('a', 4));
    const record = sentRecord(lease, { need: cu(1), want: cu(2) });
    applyRecord(lease, record);
    const first = reportRequest(lease, record);
    applyRecord(lease, settle('a', 3));
    expect(lease.inFlight && reportRequest(lease, lease.inFlight)).toEqual(first);
    expect(first).toMatchObject({ seq: 1, spent: 0n, ask: { need: cu(1), want: cu(2) } });
  });

  test.each([
    { name: 'its own', answer: reported(1), taken: true },
    { name: 'one to another report', answer: reported(2), taken: false },
    { name: 'one to another process', answer: reported(1, 2), taken: false },
  ])('takes as its answer: $name, $taken', ({ answer, taken }) => {
    const lease = leaseAfter();
    applyRecord(lease, sentRecord(lease));
    const record = answerRecord(lease, answer);
    expect(record !== undefined).toBe(taken);
    if (record) applyRecord(lease, record);
    expect(idle(lease)).toBe(cu(taken ? 15 : 10));
  });

  test('takes no answer twice', () => {
    const lease = leaseAfter();
    applyRecord(lease, sentRecord(lease));
    const record = answerRecord(lease, reported(1));
    if (record) applyRecord(lease, record);
    expect(answerRecord(lease, reported(1))).toBeUndefined();
  });

  test('sums unknown costs by reason, with the age of the oldest', () => {
    const lease = leaseAfter(reserve('a', 1), reserve('b', 2), reserve('c', 3), lose('a', 9), lose('b', 5), {
      type: 'unknown',
      id: 'c',
      reason: 'connection_lost',
      atMs: 6,
    });
    expect(unknownByReason(lease)).toEqual([
      { reason: 'connection_lost', count: 1, amount: cu(3), sinceMs: 6 },
      { reason: 'usage_missing', count: 2, amount: cu(3), sinceMs: 5 },
    ]);
  });
});

test('a snapshot stands for all records before it', () => {
  const lease = leaseAfter(reserve('a', 4), reserve('b', 1), reserve('c', 1), lose('b'), settle('c', 1));
  applyRecord(lease, sentRecord(lease, { need: 1n, want: 2n }));
  const copy = newLease(identity);
  applyRecord(copy, snapshotRecord(lease));
  expect(copy).toEqual(lease);
});

test('a report says which recall it answers, and that a request waits, each time it is repeated', () => {
  const lease = leaseAfter();
  const ask = { need: cu(1), want: cu(1), least: cu(0.5) };
  const record = sentRecord(lease, ask, 7);
  applyRecord(lease, record);
  expect(reportRequest(lease, record)).toMatchObject({ seq: record.seq, ask, recall: 7 });
  expect(lease.inFlight && reportRequest(lease, lease.inFlight)).toEqual(reportRequest(lease, record));
});
