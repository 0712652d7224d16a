import { describe, expect, test } from 'vitest';
import { copyLedger } from './ledger.ts';
import { cu, holding, leaseSeconds, processA, processB, processC } from './ledger-scene.ts';
import type { Scene } from './ledger-scene.ts';
import { noteToken } from './ledger-transitions.ts';
import type { LeaseAnswer } from './messages.ts';

describe('a message that is repeated', () => {
  test.each<{ name: string; prepare: (scene: Scene) => void; send: (scene: Scene) => LeaseAnswer }>([
    { name: 'an open', prepare: () => undefined, send: (s) => s.open(processB) },
    {
      name: 'an open with a journal',
      prepare: () => undefined,
      send: (s) => s.open(processB, { incarnation: 1, seq: 1, spent: 1 }),
    },
    { name: 'an open after a restart', prepare: (s) => s.open(processB), send: (s) => s.open(processB) },
    { name: 'a report that asks', prepare: () => undefined, send: (s) => s.report(2, { spent: 1, ask: 2 }) },
    { name: 'a report that returns', prepare: () => undefined, send: (s) => s.report(2, { returned: 2 }) },
    {
      name: 'a report after the deadline',
      prepare: (s) => s.expire(),
      send: (s) => s.report(2, { spent: 1 }),
    },
    {
      name: 'a report after evidence',
      prepare: (s) => {
        s.expire();
        s.release(6, 1);
      },
      send: (s) => s.report(2, { spent: 4 }),
    },
  ])('$name gets the same answer and changes nothing', ({ prepare, send }) => {
    const scene = holding();
    prepare(scene);
    const first = send(scene);
    const { seq } = scene.ledger;
    const events = scene.events.length;
    expect(send(scene)).toEqual(first);
    expect(scene.ledger.seq).toBe(seq);
    expect(scene.events).toHaveLength(events);
  });
});

describe('a message that cannot be booked', () => {
  test.each<{
    name: string;
    reason: string;
    prepare?: (scene: Scene) => void;
    send: (scene: Scene) => LeaseAnswer;
  }>([
    { name: 'from a pod that opened nothing', reason: 'row_unknown', send: (s) => s.report(1, { key: 'b' }) },
    {
      name: 'from a process that was never counted',
      reason: 'row_unknown',
      send: (s) => s.report(2, { incarnation: 2 }),
    },
    {
      name: 'from a process that was followed by another',
      reason: 'process_superseded',
      prepare: (s) => s.open(processB),
      send: (s) => s.report(2, { incarnation: 1, spent: 1 }),
    },
    {
      name: 'that opens for a process that was followed by another',
      reason: 'process_superseded',
      prepare: (s) => s.open(processB),
      send: (s) => s.open(processA),
    },
    {
      name: 'that opens for a process that a later one has found in its journal',
      reason: 'process_superseded',
      prepare: (s) => s.open(processC, { incarnation: 1, seq: 1 }, [processB]),
      send: (s) => s.open(processB, { incarnation: 1, seq: 1 }),
    },
    { name: 'that leaves a number out', reason: 'sequence_gap', send: (s) => s.report(3, { spent: 1 }) },
    {
      name: 'that takes spending back',
      reason: 'report_backwards',
      prepare: (s) => s.report(2, { spent: 2 }),
      send: (s) => s.report(3, { spent: 1 }),
    },
    {
      name: 'that takes a return back',
      reason: 'report_backwards',
      prepare: (s) => s.report(2, { returned: 2 }),
      send: (s) => s.report(3, { returned: 1 }),
    },
  ])(
    '$name is refused as $reason, changes nothing, and is an event unless another process explains it',
    ({ prepare, send, reason }) => {
      const scene = holding();
      prepare?.(scene);
      const before = copyLedger(scene.ledger);
      expect(send(scene)).toMatchObject({ kind: 'refused', reason });
      expect(scene.ledger).toEqual(before);
      const event = { type: 'ReportRefused', refusal: reason };
      const told = scene.events.filter(({ type }) => type === 'ReportRefused');
      expect(told).toMatchObject(reason === 'process_superseded' ? [] : [event]);
    },
  );
});

describe('a lease', () => {
  test('is renewed by a report once half of its life is gone', () => {
    const scene = holding();
    const { expires } = scene.row;
    scene.nowMs += 149_000;
    scene.report(2);
    expect(scene.row.expires).toBe(expires);
    scene.nowMs += 2000;
    scene.report(3);
    expect(scene.row.expires).toBe(expires + 151);
  });

  test('has no life left in the answer once it was released', () => {
    const scene = holding();
    scene.expire();
    scene.release(6, 0);
    expect(scene.report(2)).toMatchObject({ kind: 'refused', reason: 'row_released' });
    expect(scene.open(processB)).toMatchObject({
      kind: 'opened',
      resumed: false,
      remainingSeconds: leaseSeconds,
    });
  });

  test('counts processes, and each gets its number again', () => {
    const scene = holding();
    expect(scene.open(processB, { incarnation: 1, seq: 1 })).toMatchObject({ incarnation: 2, resumed: true });
    expect(scene.open(processB, { incarnation: 1, seq: 1 })).toMatchObject({ incarnation: 2, resumed: true });
    // Its answer was lost, and so was the process: the journal still says 1.
    expect(scene.open(processC, { incarnation: 1, seq: 1 })).toMatchObject({ incarnation: 3, resumed: true });
    expect(scene.sums).toEqual([0n, cu(6), 0n, cu(4)]);
  });

  test('is not gone on from by a journal that another process had to begin without', () => {
    const scene = holding();
    scene.open(processB);
    expect(scene.open(processC, { incarnation: 1, seq: 1 })).toMatchObject({
      incarnation: 3,
      resumed: false,
    });
  });

  test('is not gone on from once evidence has decided, though the journal is whole', () => {
    const scene = holding();
    scene.expire();
    scene.release(6, 0);
    expect(scene.open(processB, { incarnation: 1, seq: 1 })).toMatchObject({ resumed: false });
  });

  test('goes on at the number of a report that was sent and never arrived', () => {
    const scene = holding();
    const answer = scene.open(processB, { incarnation: 1, seq: 2, spent: 2 });
    expect(answer).toMatchObject({ seq: 2, resumed: true, row: { spent: cu(2) } });
    expect(scene.report(3, { incarnation: 2, spent: 3 })).toMatchObject({ kind: 'reported', seq: 3 });
  });

  test('gets no token for a lease that was released, until it has opened it anew', () => {
    const scene = holding();
    const token = { key: 'pod:a', expires: Math.floor(scene.nowMs / 1000) + 3600 };
    scene.expire();
    expect(noteToken(scene.ledger, { ...token, incarnation: 1 })).toBe(true);
    scene.release(6, 0);
    expect(noteToken(scene.ledger, { ...token, incarnation: 1 })).toBe(false);
    scene.open(processB, { incarnation: 1, seq: 1 });
    expect(noteToken(scene.ledger, { ...token, incarnation: 2 })).toBe(true);
  });

  test('remembers the end of the last token, and never an earlier one', () => {
    const { ledger } = holding();
    expect(noteToken(ledger, { key: 'pod:a', incarnation: 1, expires: 200 })).toBe(true);
    const { seq } = ledger;
    expect(noteToken(ledger, { key: 'pod:a', incarnation: 1, expires: 100 })).toBe(true);
    expect(noteToken(ledger, { key: 'pod:a', incarnation: 2, expires: 300 })).toBe(false);
    expect(ledger.rows.get('pod:a')?.tokenExpires).toBe(200);
    expect(ledger.seq).toBe(seq);
  });
});
