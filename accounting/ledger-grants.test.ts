import { describe, expect, test } from 'vitest';
import { copyLedger, setCap } from './ledger.ts';
import { Scene, cu, holding, leaseSeconds, period, processA } from './ledger-scene.ts';
import { grantSize, handleLeaseRequest, releaseHeld } from './ledger-transitions.ts';
import { schemaVersion } from './message-parts.ts';

describe('a grant', () => {
  test('is what is needed or nothing', () => {
    const scene = holding();
    expect(scene.report(2, { ask: 5 })).toMatchObject({
      row: { granted: cu(6) },
      ledger: { grantable: cu(4) },
    });
    expect(scene.report(3, { ask: 4 })).toMatchObject({
      row: { granted: cu(10) },
      ledger: { grantable: 0n },
    });
  });

  test('is made neither before the period nor after it', () => {
    const scene = holding();
    scene.nowMs = period.endMs;
    expect(scene.report(2, { ask: 1 })).toMatchObject({ row: { granted: cu(6) }, ledger: { grantable: 0n } });
    scene.nowMs = period.startMs - 1;
    expect(scene.report(3, { ask: 1 })).toMatchObject({ row: { granted: cu(6) } });
    scene.nowMs = period.endMs - 1;
    expect(scene.report(4, { ask: 1 })).toMatchObject({ row: { granted: cu(7) } });
  });

  test('is not made where the budget may not grant, and is not called possible, but figures are booked', () => {
    const scene = holding();
    scene.mayGrant = false;
    expect(scene.report(2, { ask: 1, spent: 2 })).toMatchObject({
      row: { granted: cu(6), spent: cu(2) },
      ledger: { grantable: 0n },
    });
    scene.mayGrant = true;
    expect(scene.report(3, { ask: 1, spent: 2 })).toMatchObject({ row: { granted: cu(7) } });
  });

  test('is not made while an overrun or a lower cap leaves less than nothing', () => {
    const scene = holding();
    setCap(scene.ledger, cu(5));
    expect(scene.report(2, { ask: 1 })).toMatchObject({ row: { granted: cu(6) }, ledger: { grantable: 0n } });
    setCap(scene.ledger, cu(7));
    expect(scene.report(3, { ask: 1 })).toMatchObject({ row: { granted: cu(7) } });
  });

  test.each([
    { name: 'all that is wanted while there is plenty', holders: 2, need: 1, want: 2, size: 2 },
    { name: 'a share of half of what is left, if that is less', holders: 2, need: 1, want: 50, size: 25 },
    { name: 'a smaller share among more holders', holders: 10, need: 1, want: 50, size: 5 },
    { name: 'what is needed, if that is more than the share', holders: 10, need: 60, want: 80, size: 60 },
    { name: 'nothing, if more is needed than is left', holders: 1, need: 101, want: 200, size: 0 },
    { name: 'nothing to who needs nothing', holders: 1, need: 0, want: 50, size: 0 },
    { name: 'what is needed, if less is wanted', holders: 1, need: 3, want: 1, size: 3 },
  ])('is $name', ({ holders, need, want, size }) => {
    const scene = new Scene(100);
    for (let index = 0; index < holders; index += 1) openFor(scene, `pod:${index}`);
    expect(grantSize({ need: cu(need), want: cu(want) }, scene.ledger, asker(scene))).toBe(cu(size));
  });

  test('does not keep shares for holders whose lease has ended', () => {
    const scene = new Scene(100);
    for (let index = 0; index < 50; index += 1) openFor(scene, `pod:${index}`);
    scene.nowMs += (leaseSeconds + 1) * 1000;
    openFor(scene, 'pod:new');
    expect(grantSize({ need: cu(1), want: cu(50) }, scene.ledger, asker(scene))).toBe(cu(50));
  });
});

function asker({ nowMs }: Scene): { key: string; name: string; nowMs: number } {
  return { key: 'pod:0', name: 'pod:0', nowMs };
}

function openFor({ ledger, nowMs }: Scene, key: string): void {
  const request = {
    schema: schemaVersion,
    kind: 'open',
    budget: 'chat',
    ledgerUid: 'uid',
    processId: processA,
  } as const;
  handleLeaseRequest(ledger, request, { key, name: key, nowMs, leaseSeconds, mayGrant: true });
}

describe('evidence', () => {
  test.each([
    {
      name: 'about a row that does not exist',
      prepare: () => undefined,
      key: 'pod:b',
      held: 6,
      spent: 0,
      says: 'no row',
    },
    {
      name: 'about a holder that reports',
      prepare: () => undefined,
      key: 'pod:a',
      held: 6,
      spent: 0,
      says: 'its holder',
    },
    {
      name: 'about an amount that has changed',
      prepare: (s: Scene) => s.expire(),
      key: 'pod:a',
      held: 5,
      spent: 0,
      says: 'another amount',
    },
    {
      name: 'of more than was held',
      prepare: (s: Scene) => s.expire(),
      key: 'pod:a',
      held: 6,
      spent: 7,
      says: 'within',
    },
  ])('$name releases nothing', ({ prepare, key, held, spent, says }) => {
    const scene = holding();
    prepare(scene);
    const before = copyLedger(scene.ledger);
    expect(() => releaseHeld(scene.ledger, { key, held: cu(held), spent: cu(spent) })).toThrow(says);
    expect(scene.ledger).toEqual(before);
  });
});
