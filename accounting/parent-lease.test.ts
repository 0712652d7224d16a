import { describe, expect, test } from 'vitest';
import { settleHeld } from './ledger-close.ts';
import { isClosedOut } from './ledger-fold.ts';
import { guaranteedToOthers, setShares } from './ledger-shares.ts';
import { Scene, cu, leaseSeconds, period, startMs } from './ledger-scene.ts';
import { encodeLedger } from './ledger-text.ts';
import { expireRows, handleLeaseRequest } from './ledger-transitions.ts';
import { copyLedger, ledgerKey, newLedger, setCap } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import type { LeaseAnswer, LeaseRequest } from './messages.ts';
import {
  followParent,
  isForgotten,
  isTold,
  openInParent,
  parentIdle,
  reportToParent,
  returnToParent,
  takeOverRow,
  takeParentAnswer,
} from './parent-lease.ts';

const root = { namespace: 'root', name: 'all' };
const key = ledgerKey('below');

function newParent(): Ledger {
  return newLedger({ budget: root, period, cap: cu(100) });
}

/** A parent of 100 CU with one ledger of at most `cap` CU below it, from which one pod asks. */
class Pair {
  readonly parent: Ledger;
  readonly key: string;
  readonly scene: Scene;
  nowMs = startMs + 1000;

  /** Given a parent, one more ledger below that one. */
  constructor(cap = 50, place: { parent: Ledger; key: string } = { parent: newParent(), key }) {
    this.parent = place.parent;
    this.key = place.key;
    this.scene = new Scene(cap);
    const parent = { budget: root, ledgerUid: 'parent' };
    Object.assign(this.scene, { ledger: newLedger({ ...this.scene.ledger, parent }) });
    this.tell(openInParent(this.below));
    this.scene.open();
  }

  get below(): Ledger {
    return this.scene.ledger;
  }
  get row() {
    return this.parent.rows.get(this.key);
  }

  /** Sends to the parent; the answer is not taken over yet. */
  send(request: LeaseRequest | undefined): LeaseAnswer {
    if (request === undefined) throw new Error('nothing to send');
    const { nowMs, key: holder } = this;
    const context = { key: holder, name: 'team-a/chat', nowMs, leaseSeconds, mayGrant: true };
    return handleLeaseRequest(this.parent, request, context).answer;
  }
  tell(request: LeaseRequest | undefined): void {
    takeParentAnswer(this.below, this.send(request));
  }
  ask(amount: number): void {
    this.tell(reportToParent(this.below, { need: cu(amount), want: cu(amount) }));
  }
}

describe('a ledger below another one', () => {
  test('grants nothing before its parent has, and then no more than that', () => {
    const pair = new Pair();
    pair.scene.report(1, { ask: 10 });
    expect(pair.scene.row.granted).toBe(0n);
    pair.ask(10);
    pair.scene.report(2, { ask: 11 });
    expect(pair.scene.row.granted).toBe(0n);
    pair.scene.report(3, { ask: 10 });
    expect(pair.scene.row.granted).toBe(cu(10));
    expect(parentIdle(pair.below)).toBe(0n);
  });

  test('grants no more than its own cap, whatever it has of its parent', () => {
    const pair = new Pair(20);
    pair.ask(60);
    expect(pair.scene.report(1, { ask: 21 })).toMatchObject({ ledger: { cap: cu(20), grantable: cu(20) } });
    expect(pair.scene.row.granted).toBe(0n);
  });

  test('hears of a grant whose answer was lost with the next one', () => {
    const pair = new Pair();
    pair.send(reportToParent(pair.below, { need: cu(10), want: cu(10) }));
    expect(pair.below.parent?.granted).toBe(0n);
    pair.ask(5);
    // The number was used: it is answered with the row as it is, and nothing more is granted.
    expect(pair.row?.granted).toBe(cu(10));
    expect(pair.below.parent).toMatchObject({ granted: cu(10), seq: 1 });
    pair.ask(5);
    expect(pair.below.parent).toMatchObject({ granted: cu(15), seq: 2 });
  });

  test('lowers what it may grant before its parent hears of a return', () => {
    const pair = new Pair();
    pair.ask(10);
    returnToParent(pair.below, cu(4));
    pair.scene.report(1, { ask: 7 });
    expect(pair.scene.row.granted).toBe(0n);
    expect(pair.parent.totals.outstanding).toBe(cu(10));
    pair.tell(reportToParent(pair.below));
    expect(pair.parent.totals.outstanding).toBe(cu(6));
  });

  test('returns nothing that its holders have, spent or do not know the cost of', () => {
    const pair = new Pair();
    pair.ask(10);
    pair.scene.report(1, { ask: 6 });
    pair.scene.report(2, { spent: 1 });
    returnToParent(pair.below, cu(10));
    expect(pair.below.parent?.returned).toBe(cu(4));
    pair.scene.expire();
    returnToParent(pair.below, cu(10));
    expect(pair.below.parent?.returned).toBe(cu(4));
  });

  test('tells its parent what was spent, held and overrun, and who to ask about what is held', () => {
    const pair = new Pair();
    pair.ask(10);
    pair.scene.report(1, { ask: 6 });
    pair.scene.report(2, { spent: 3, overrun: 2 });
    expect(isTold(pair.below, pair.row)).toBe(false);
    pair.scene.expire();
    pair.tell(reportToParent(pair.below));
    expect(isTold(pair.below, pair.row)).toBe(true);
    expect(pair.parent.totals).toEqual({
      settled: cu(3),
      overrun: cu(2),
      held: cu(5),
      outstanding: cu(4),
    });
    expect(encodeLedger(pair.parent).heldRows.split('\n')[1]).toMatch(
      /^ledger:below held_in_ledger 1 2026-11-01T00:05:01.000Z 5 as-its-ledger-says$/,
    );
  });

  test('does not expire by silence, and is never folded', () => {
    const pair = new Pair();
    pair.ask(10);
    pair.nowMs = period.endMs + 1e10;
    expect(expireRows(pair.parent, pair.nowMs)).toEqual([]);
    returnToParent(pair.below, cu(10));
    pair.tell(reportToParent(pair.below));
    expect(pair.row && isClosedOut(pair.row, pair.nowMs)).toBe(false);
  });

  test('settles by itself what it holds when the month closes, and tells its parent', () => {
    const pair = new Pair();
    pair.ask(10);
    pair.scene.report(1, { ask: 6 });
    pair.scene.expire();
    pair.tell(reportToParent(pair.below));
    const gone = new Set<string>();
    expect(settleHeld(pair.parent, { gone }).settled).toBe(0n);
    expect(settleHeld(pair.below, { gone }).settled).toBe(cu(6));
    pair.tell(reportToParent(pair.below));
    expect(pair.parent.totals).toMatchObject({ settled: cu(6), held: 0n, outstanding: cu(4) });
  });

  test('is told nothing new by an answer that is old', () => {
    const pair = new Pair();
    const old = pair.send(reportToParent(pair.below, { need: cu(10), want: cu(10) }));
    takeParentAnswer(pair.below, old);
    pair.ask(5);
    const { seq } = pair.below;
    takeParentAnswer(pair.below, old);
    expect(pair.below).toMatchObject({ seq, parent: { granted: cu(15), seq: 2 } });
  });

  test('notices a parent that has forgotten a grant', () => {
    const pair = new Pair();
    const backup = copyLedger(pair.parent);
    pair.ask(10);
    Object.assign(pair.parent, backup);
    expect(pair.send(reportToParent(pair.below))).toMatchObject({ kind: 'refused', reason: 'sequence_gap' });
    const answer = pair.send(openInParent(pair.below));
    expect(answer.kind !== 'refused' && isForgotten(pair.below, answer)).toBe(true);
  });

  test('follows its parent into another object only if that has forgotten nothing', () => {
    const pair = new Pair();
    const { row: empty } = pair;
    pair.ask(10);
    expect(followParent(pair.below, 'restored', empty)).toBe(false);
    expect(followParent(pair.below, 'restored', undefined)).toBe(false);
    expect(pair.below.parent?.ledgerUid).toBe('parent');
    expect(followParent(pair.below, 'restored', pair.row)).toBe(true);
    expect(pair.below.parent).toMatchObject({ ledgerUid: 'restored', granted: cu(10) });
  });

  test('that was restored under a new uid takes over its row, which stays as it is', () => {
    const pair = new Pair();
    pair.ask(10);
    const { row, parent } = pair;
    const totals = { ...parent.totals };
    const restored = ledgerKey('restored');
    expect(takeOverRow(parent, restored, pair.below)).toBe(true);
    expect(parent.rows.get(restored)).toEqual({ ...row, key: restored });
    expect(pair.row).toBeUndefined();
    expect(parent.totals).toEqual(totals);
    expect(parent.live.at(pair.nowMs)).toEqual(new Map([['team-a', 1]]));
    const { seq } = parent;
    expect(takeOverRow(parent, restored, pair.below)).toBe(true);
    expect(parent.seq).toBe(seq);
  });

  test('that takes over its row draws on its guarantee at once', () => {
    const pair = new Pair();
    setShares(pair.parent, new Map([['team-a/chat', { guaranteed: cu(30), weight: 1 }]]));
    pair.ask(10);
    const restored = ledgerKey('restored');
    takeOverRow(pair.parent, restored, pair.below);
    expect(guaranteedToOthers(pair.parent, restored)).toBe(0n);
    expect(guaranteedToOthers(pair.parent, 'pod:x')).toBe(cu(20));
  });

  test('that was restored from a backup before its last report takes over nothing', () => {
    const pair = new Pair();
    pair.ask(10);
    const backup = copyLedger(pair.below);
    pair.scene.report(1, { ask: 10 });
    pair.scene.report(2, { spent: 4 });
    pair.tell(reportToParent(pair.below));
    expect(takeOverRow(pair.parent, ledgerKey('restored'), backup)).toBe(false);
    expect([...pair.parent.rows.keys()]).toEqual([key]);
  });

  describe('restored after its former object was given up and another one opened', () => {
    const second = ledgerKey('second');
    const restored = ledgerKey('restored');

    /** The parent has a row of the object that was given up, and one of the object that followed it. */
    function followed(given: { first: number; second: number }): { former: Pair; next: Pair } {
      const former = new Pair();
      former.ask(given.first);
      const next = new Pair(50, { parent: former.parent, key: second });
      next.ask(given.second);
      return { former, next };
    }

    test('takes over the row of the object that it is a copy of, and is granted nothing of the other one', () => {
      const { former, next } = followed({ first: 30, second: 10 });
      const { parent } = former;
      expect(takeOverRow(parent, restored, next.below)).toBe(true);
      expect([...parent.rows.keys()].toSorted()).toEqual([key, restored]);
      expect(parent.rows.get(restored)?.granted).toBe(cu(10));
      expect(former.row?.granted).toBe(cu(30));
    });

    test('takes over nothing where the row that fits it may be the one or the other', () => {
      const { former, next } = followed({ first: 10, second: 10 });
      const before = copyLedger(former.parent);
      expect(takeOverRow(former.parent, restored, next.below)).toBe(false);
      expect(former.parent).toEqual(before);
    });

    test('takes over nothing where its own row has gone on, and the other one says by chance what it says', () => {
      const former = new Pair();
      former.ask(10);
      const next = new Pair(50, { parent: former.parent, key: second });
      next.nowMs += 60_000;
      next.ask(10);
      const backup = copyLedger(next.below);
      next.nowMs += leaseSeconds * 1000;
      next.ask(5);
      expect(takeOverRow(former.parent, restored, backup)).toBe(false);
    });

    test('takes over nothing where its own row has gone on, and the other one is behind it', () => {
      const { former, next } = followed({ first: 30, second: 10 });
      next.ask(5);
      const backup = copyLedger(next.below);
      next.ask(5);
      const before = copyLedger(former.parent);
      expect(takeOverRow(former.parent, restored, backup)).toBe(false);
      expect(former.parent).toEqual(before);
    });
  });

  test('that never was in its parent takes over nothing', () => {
    const { parent, below } = new Pair();
    const elsewhere = { ...below, budget: { namespace: 'team-a', name: 'other' } };
    expect(takeOverRow(parent, ledgerKey('restored'), elsewhere)).toBe(false);
  });

  test('gets its guarantee while others hold all the rest', () => {
    const pair = new Pair();
    setShares(pair.parent, new Map([['team-a/chat', { guaranteed: cu(30), weight: 1 }]]));
    const noisy = { key: 'pod:x', name: 'root/x', nowMs: pair.nowMs, leaseSeconds, mayGrant: true };
    const common = { schema: 1, budget: 'all', ledgerUid: 'parent' } as const;
    handleLeaseRequest(pair.parent, { ...common, kind: 'open', processId: '00000000000000aa' }, noisy);
    const report = { ...common, kind: 'report', incarnation: 1, seq: 1, spent: 0n } as const;
    const answer = handleLeaseRequest(
      pair.parent,
      { ...report, overrun: 0n, returned: 0n, unknown: [], ask: { need: cu(70), want: cu(100) } },
      noisy,
    ).answer;
    expect(answer).toMatchObject({ row: { granted: cu(70) }, ledger: { grantable: 0n } });
    pair.ask(30);
    expect(pair.below.parent?.granted).toBe(cu(30));
  });

  test('says in its answers what its parent could add', () => {
    const pair = new Pair(50);
    pair.ask(10);
    const context = {
      key: 'pod:a',
      name: 'team-a/a',
      nowMs: pair.nowMs,
      leaseSeconds,
      mayGrant: true,
      parentGrantable: cu(25),
    };
    const report = { schema: 1, kind: 'report', budget: 'chat', ledgerUid: 'uid', incarnation: 1 } as const;
    const figures = { spent: 0n, overrun: 0n, returned: 0n, unknown: [] };
    const say = (seq: number): LeaseAnswer =>
      handleLeaseRequest(pair.below, { ...report, ...figures, seq }, context).answer;
    expect(say(1)).toMatchObject({
      ledger: { grantable: cu(35), parent: { budget: 'root/all', grantable: cu(25) } },
    });
    setCap(pair.below, cu(20));
    expect(say(2)).toMatchObject({ ledger: { grantable: cu(20) } });
  });
});
