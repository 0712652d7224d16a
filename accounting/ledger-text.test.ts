import { describe, expect, test } from 'vitest';
import { LedgerTextError } from './entries-text.ts';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import type { LedgerText } from './ledger-text.ts';
import { newLedger } from './ledger.ts';
import {
  Scene,
  cu,
  holding,
  leaseSeconds,
  period,
  processA,
  processB,
  startMs,
  unknown,
} from './ledger-scene.ts';
import { handleLeaseRequest } from './ledger-transitions.ts';
import { schemaVersion } from './message-parts.ts';

/** A pod that has spent, does not know of two costs, and lost a journal. */
function eventful(): Scene {
  const scene = holding();
  scene.report(2, { spent: 1, unknown: [unknown(0.5)] });
  scene.open(processB);
  scene.report(3, { incarnation: 2, spent: 1, ask: 2 });
  scene.report(4, {
    incarnation: 2,
    spent: 1.25,
    unknown: [unknown('0.000000001', 'connection_lost'), unknown(1)],
  });
  return scene;
}

/** A pod that lost a journal, fell silent, and of which evidence has decided. */
function released(): Scene {
  const scene = holding();
  scene.open(processB);
  scene.report(2, { incarnation: 2, ask: 1 });
  scene.expire();
  scene.release(7, 2);
  return scene;
}

test('a ledger as text is a few sums and one readable line a row', () => {
  const { rows, heldRows, ...sums } = encodeLedger(eventful().ledger);
  expect(sums).toEqual({
    budget: { namespace: 'team-a', name: 'chat' },
    period: '2026-11',
    periodStart: '2026-11-01T00:00:00.000Z',
    periodEnd: '2026-12-01T00:00:00.000Z',
    enforcement: 'Enforce',
    cap: '10',
    seq: 8,
    settled: '1.25',
    outstanding: '0.749999999',
    held: '6.000000001',
    overrun: '0',
    pages: [],
    usage: 'v1 day model version input cacheRead output spent',
    shares: '',
  });
  const expires = startMs / 1000 + 1 + leaseSeconds;
  expect(rows.split('\n')).toEqual([
    'v1 key incarnation seq state granted spent overrun unknown lost returned released expires tokenExpires wholeSince process older name',
    `pod:a 2 4 open 8 1.25 0 1.000000001 5 0 0 ${expires} 0 2 ${processB} ${processA} team-a/a`,
  ]);
  expect(heldRows.split('\n')).toEqual([
    'v1 key reason count since amount wayBack',
    'pod:a connection_lost 1 2026-11-01T00:00:00.000Z 0.000000001 evidence-or-month-close',
    'pod:a usage_missing 1 2026-11-01T00:00:00.000Z 1 evidence-or-month-close',
    'pod:a journal_lost 1 2026-11-01T00:00:01.000Z 5 evidence-or-month-close',
  ]);
});

test.each([
  { name: 'an empty ledger', ledger: new Scene().ledger },
  { name: 'one with all kinds of figures', ledger: eventful().ledger },
  { name: 'one whose held amounts were released', ledger: released().ledger },
])('$name comes back as it was', ({ ledger }) => {
  expect(decodeLedger(encodeLedger(ledger))).toEqual(ledger);
});

test('a row that says it gave back more than it was granted is noticed, although no sum has it', () => {
  const scene = new Scene();
  scene.open();
  scene.report(1, { ask: 3 });
  scene.report(2, { spent: 1, returned: 2 });
  const text = encodeLedger(scene.ledger);
  const rows = text.rows.replace(' open 3 1 0 0 0 2 0 ', ' open 3 1 0 0 0 2.5 0 ');
  expect(rows).not.toBe(text.rows);
  expect(() => decodeLedger({ ...text, rows })).toThrow(
    expect.objectContaining({ name: 'LedgerTextError', reason: 'does_not_add_up' }),
  );
});

test.each<{ name: string; edit: (text: LedgerText) => Partial<LedgerText>; reason: string }>([
  { name: 'settled', edit: () => ({ settled: '1' }), reason: 'does_not_add_up' },
  { name: 'outstanding', edit: () => ({ outstanding: '100' }), reason: 'does_not_add_up' },
  { name: 'held', edit: () => ({ held: '0' }), reason: 'does_not_add_up' },
  { name: 'overrun', edit: () => ({ overrun: '1' }), reason: 'does_not_add_up' },
  {
    name: 'what a row was granted',
    edit: ({ rows }) => ({ rows: rows.replace(' open 8 ', ' open 9 ') }),
    reason: 'does_not_add_up',
  },
  {
    name: 'the state of a row',
    edit: ({ rows }) => ({ rows: rows.replace(' open ', ' expired ') }),
    reason: 'does_not_add_up',
  },
  {
    name: 'the rows, by taking them out',
    edit: ({ rows }) => ({ rows: rows.split('\n')[0] ?? '' }),
    reason: 'does_not_add_up',
  },
  {
    name: 'a row, by doubling it',
    edit: ({ rows }) => ({ rows: `${rows}\n${rows.split('\n')[1]}` }),
    reason: 'malformed',
  },
  { name: 'the header', edit: ({ rows }) => ({ rows: rows.replace('v1', 'v2') }), reason: 'malformed' },
  {
    name: 'the header of what is held',
    edit: ({ heldRows }) => ({ heldRows: heldRows.replace('v1', 'v2') }),
    reason: 'malformed',
  },
  {
    name: 'a state nobody knows',
    edit: ({ rows }) => ({ rows: rows.replace(' open ', ' shut ') }),
    reason: 'malformed',
  },
  {
    name: 'an amount below nothing',
    edit: ({ rows }) => ({ rows: rows.replace(' 8 ', ' -8 ') }),
    reason: 'malformed',
  },
  {
    name: 'an amount that is too fine',
    edit: ({ rows }) => ({ rows: rows.replace(' 8 ', ' 8.0000000001 ') }),
    reason: 'malformed',
  },
  {
    name: 'a number with a sign',
    edit: ({ rows }) => ({ rows: rows.replace('pod:a 2 ', 'pod:a -2 ') }),
    reason: 'malformed',
  },
  { name: 'a name with a blank', edit: ({ rows }) => ({ rows: `${rows} b` }), reason: 'malformed' },
  {
    name: 'a count of held lines',
    edit: ({ heldRows }) => ({ heldRows: heldRows.replace('usage_missing 1', 'usage_missing x') }),
    reason: 'malformed',
  },
  { name: 'what others were promised', edit: () => ({ shares: 'v1 name' }), reason: 'malformed' },
  { name: 'the period', edit: () => ({ periodEnd: 'soon' }), reason: 'malformed' },
  { name: 'the cap', edit: () => ({ cap: '1e3' }), reason: 'malformed' },
  { name: 'everything', edit: () => ({ rows: '' }), reason: 'malformed' },
])('whoever changes $name is noticed: $reason', ({ edit, reason }) => {
  const text = encodeLedger(eventful().ledger);
  const edited = { ...text, ...edit(text) };
  expect(edited).not.toEqual(text);
  const error = thrownBy(() => decodeLedger(edited));
  expect(error).toBeInstanceOf(LedgerTextError);
  expect(error).toMatchObject({ reason });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('what is held', () => {
  test('is listed in full, also what evidence has cut through', () => {
    const scene = holding();
    scene.report(2, { spent: 1, unknown: [unknown(2)] });
    scene.expire();
    scene.release(5, 1);
    scene.report(3, { spent: 1, unknown: [unknown(2)] });
    const { held, heldRows } = encodeLedger(scene.ledger);
    expect(held).toBe('1');
    expect(heldRows.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^pod:a not_itemised 1 \S+ 1 evidence/),
    ]);
    expect(decodeLedger(encodeLedger(scene.ledger))).toEqual(scene.ledger);
  });

  test('by more holders than are listed is summed in one line, and nothing of it is lost', () => {
    const ledger = newLedger({ budget: { namespace: 'team-a', name: 'chat' }, period, cap: cu(1_000_000) });
    for (let index = 0; index < 1520; index += 1) openAndLose(ledger, `pod:${index}`);
    const text = encodeLedger(ledger);
    expect(text.heldRows.split('\n')).toHaveLength(1 + 1500 + 1);
    expect(text.heldRows.endsWith('\n* more 20 - 20 -')).toBe(true);
    const back = decodeLedger(text);
    expect(back.totals).toEqual(ledger.totals);
    expect(encodeLedger(back).heldRows.endsWith('\n* more 20 - 20 -')).toBe(true);
  });
});

/** A pod that holds one CU and does not know what it cost. */
function openAndLose(ledger: ReturnType<typeof newLedger>, key: string): void {
  const context = { key, name: key, nowMs: startMs + 1000, leaseSeconds, mayGrant: true };
  const common = { schema: schemaVersion, budget: 'chat', ledgerUid: 'uid' } as const;
  const report = { ...common, kind: 'report', incarnation: 1, spent: 0n, overrun: 0n, returned: 0n } as const;
  handleLeaseRequest(ledger, { ...common, kind: 'open', processId: processA }, context);
  handleLeaseRequest(ledger, { ...report, seq: 1, unknown: [], ask: { need: cu(1), want: cu(1) } }, context);
  handleLeaseRequest(ledger, { ...report, seq: 2, unknown: [unknown(1)] }, context);
}
