import { describe, expect, test } from 'vitest';
import { changeRow, ledgerKey } from './ledger.ts';
import type { LedgerRow } from './ledger.ts';
import { isOverpromised, guaranteedToOthers, setShares, shareOf } from './ledger-shares.ts';
import type { Share } from './ledger-shares.ts';
import { Scene, cu, leaseSeconds, processA } from './ledger-scene.ts';
import { handleLeaseRequest } from './ledger-transitions.ts';
import { schemaVersion } from './message-parts.ts';
import { PagedEntries } from './paged-entries.ts';
import { decodeShares, encodeShares } from './shares-text.ts';

const one = 'team-a/one';
const two = 'team-b/two';

/** Promises of that many CU, in weight 1. */
function promises(amounts: Record<string, number>): Map<string, Omit<Share, 'key'>> {
  return new Map(
    Object.entries(amounts).map(([name, guaranteed]) => [name, { guaranteed: cu(guaranteed), weight: 1 }]),
  );
}

/** Makes the row of a holder, and grants it that much. */
function open(
  { ledger, nowMs }: Scene,
  { key, name }: { key: string; name: string },
  granted = 0,
): Readonly<LedgerRow> {
  const request = {
    schema: schemaVersion,
    kind: 'open',
    budget: 'chat',
    ledgerUid: 'uid',
    processId: processA,
  } as const;
  handleLeaseRequest(ledger, request, { key, name, nowMs, leaseSeconds, mayGrant: true });
  const row = ledger.rows.get(key);
  if (row === undefined) throw new Error('no row');
  return changeRow(ledger, row, (r) => (r.granted += cu(granted)));
}

describe('a guarantee', () => {
  test('is kept from others before its holder has a row, and is its holder’s from the first moment', () => {
    const scene = new Scene(100);
    setShares(scene.ledger, promises({ [one]: 60 }));
    expect(guaranteedToOthers(scene.ledger, 'pod:x')).toBe(cu(60));
    const { key } = open(scene, { key: ledgerKey('u1'), name: one });
    expect(guaranteedToOthers(scene.ledger, key)).toBe(0n);
    expect(guaranteedToOthers(scene.ledger, 'pod:x')).toBe(cu(60));
  });

  test('is named to those who are refused because of it', () => {
    const scene = new Scene(100);
    setShares(scene.ledger, promises({ [one]: 60 }));
    scene.open();
    expect(scene.report(1, { ask: 50 })).toMatchObject({
      row: { granted: 0n },
      ledger: { cap: cu(100), grantable: cu(40), guaranteedToOthers: cu(60) },
    });
  });

  test('is not kept beyond what its holder was granted, and is again what that gives back', () => {
    const scene = new Scene(100);
    setShares(scene.ledger, promises({ [one]: 60 }));
    const first = open(scene, { key: ledgerKey('u1'), name: one }, 50);
    expect(guaranteedToOthers(scene.ledger, 'pod:x')).toBe(cu(10));
    const row = changeRow(scene.ledger, first, (r) => (r.granted += cu(30)));
    expect(guaranteedToOthers(scene.ledger, 'pod:x')).toBe(0n);
    changeRow(scene.ledger, row, (r) => (r.returned += cu(75)));
    expect(guaranteedToOthers(scene.ledger, 'pod:x')).toBe(cu(55));
  });

  test('is not drawn on by a pod that calls itself like the budget', () => {
    const scene = new Scene(100);
    setShares(scene.ledger, promises({ [one]: 60 }));
    const { key } = open(scene, { key: 'pod:x', name: one });
    expect(guaranteedToOthers(scene.ledger, key)).toBe(cu(60));
  });

  test('that comes later counts what its holder has had', () => {
    const scene = new Scene(100);
    open(scene, { key: ledgerKey('u1'), name: one }, 40);
    setShares(scene.ledger, promises({ [one]: 60 }));
    expect(guaranteedToOthers(scene.ledger, 'pod:x')).toBe(cu(20));
    setShares(scene.ledger, promises({}));
    expect(guaranteedToOthers(scene.ledger, 'pod:x')).toBe(0n);
  });

  test('stays with the row that draws on it, whichever of its name the ledger comes to last', () => {
    const scene = new Scene(100);
    setShares(scene.ledger, promises({ [one]: 60 }));
    open(scene, { key: ledgerKey('lost'), name: one }, 50);
    const { key } = open(scene, { key: ledgerKey('next'), name: one });
    const rows = [...scene.ledger.rows].toReversed();
    scene.ledger.rows = new PagedEntries(new Map(rows));
    setShares(scene.ledger, promises({ [one]: 70 }));
    expect(scene.ledger.shares.get(one)?.key).toBe(key);
    expect(guaranteedToOthers(scene.ledger, key)).toBe(0n);
  });

  test('that comes later is drawn on by the row of its name that was heard last', () => {
    const scene = new Scene(100);
    open(scene, { key: ledgerKey('lost'), name: one });
    scene.nowMs += 60_000;
    const { key } = open(scene, { key: ledgerKey('next'), name: one });
    const rows = [...scene.ledger.rows].toReversed();
    scene.ledger.rows = new PagedEntries(new Map(rows));
    setShares(scene.ledger, promises({ [one]: 60 }));
    expect(scene.ledger.shares.get(one)?.key).toBe(key);
  });

  test('whose row is gone is drawn on by the other one of its name', () => {
    const scene = new Scene(100);
    setShares(scene.ledger, promises({ [one]: 60 }));
    const { key } = open(scene, { key: ledgerKey('u1'), name: one });
    open(scene, { key: ledgerKey('u2'), name: one });
    scene.ledger.rows.delete(ledgerKey('u2'));
    setShares(scene.ledger, promises({ [one]: 60 }));
    expect(scene.ledger.shares.get(one)?.key).toBe(key);
  });

  test('that does not fit into the cap with the others is covered in proportion', () => {
    const scene = new Scene(100);
    const wanted = promises({ [one]: 300, [two]: 100 });
    expect(isOverpromised(wanted.values(), scene.ledger.cap)).toBe(true);
    setShares(scene.ledger, wanted);
    expect([...scene.ledger.shares.values()].map(({ guaranteed }) => guaranteed)).toEqual([cu(75), cu(25)]);
  });

  test('that has not changed is no change of the ledger', () => {
    const scene = new Scene(100);
    setShares(scene.ledger, promises({ [one]: 60 }));
    const { seq } = scene.ledger;
    setShares(scene.ledger, promises({ [one]: 60 }));
    expect(scene.ledger.seq).toBe(seq);
    setShares(scene.ledger, promises({ [one]: 61 }));
    expect(scene.ledger.seq).toBe(seq + 1);
  });
});

describe('a share of what is left', () => {
  const left = cu(120);
  function sharesOf(names: string[], weights: Record<string, number> = {}): bigint[] {
    const scene = new Scene(1000);
    const given = Object.entries(weights).map(
      ([name, weight]) => [name, { guaranteed: 0n, weight }] as const,
    );
    setShares(scene.ledger, new Map(given));
    names.forEach((name, index) => open(scene, { key: ledgerKey(`u${index}`), name }));
    return names.map((name) => shareOf(scene.ledger, left, { name, nowMs: scene.nowMs }));
  }

  test.each([
    { name: 'half of it for one holder', names: [one], want: [60] },
    { name: 'the same for two namespaces', names: [one, two], want: [30, 30] },
    {
      name: 'not greater for a namespace with more holders',
      names: [one, 'team-b/1', 'team-b/2', 'team-b/3'],
      want: [30, 10, 10, 10],
    },
    { name: 'by weight of the namespaces', names: [one, two], weights: { [two]: 3 }, want: [15, 45] },
    {
      name: 'by the greatest weight in a namespace, not by their sum',
      names: [one, 'team-b/1', 'team-b/2'],
      weights: { 'team-b/1': 3, 'team-b/2': 2 },
      want: [15, 22.5, 22.5],
    },
  ])('is $name', ({ names, weights, want }) => {
    expect(sharesOf(names, weights)).toEqual(want.map((amount) => cu(amount)));
  });
});

test('promises come back from their text', () => {
  const shares = new Map<string, Share>([
    [one, { guaranteed: cu('1.000000001'), weight: 7, key: ledgerKey('u1') }],
    [two, { guaranteed: 0n, weight: 100, key: '' }],
  ]);
  expect(decodeShares(encodeShares(shares))).toEqual(shares);
  expect(encodeShares(shares).split('\n')[1]).toBe('team-a/one 1.000000001 7 ledger:u1');
});
