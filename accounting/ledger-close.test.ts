import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { heldAtClose, settleHeld } from './ledger-close.ts';
import type { FinalGap, HeldClosed } from './ledger-close.ts';
import { holdMissing } from './ledger-release.ts';
import { cu, holding, period, startMs, unknown } from './ledger-scene.ts';
import { changeRow, emptyRow, ledgerKey, newLedger, sumRows } from './ledger.ts';
import type { Ledger, LedgerRow } from './ledger.ts';

const dayMs = 86_400_000;
const none: ReadonlySet<string> = new Set();

function close(ledger: Ledger, gap?: FinalGap): HeldClosed {
  return settleHeld(ledger, { gone: none, gap });
}

describe('without evidence', () => {
  test('what nobody could explain is settled when the month closes, and nothing is left to release', () => {
    const scene = holding();
    scene.report(2, { spent: 1, unknown: [unknown(2)] });
    scene.expire();
    expect(scene.sums).toEqual([cu(1), 0n, cu(5), cu(4)]);
    expect(heldAtClose(scene.ledger, none)).toBe(cu(5));
    expect(close(scene.ledger)).toEqual({ settled: cu(5), released: 0n, gapLeft: 0n });
    expect(scene.sums).toEqual([cu(6), 0n, 0n, cu(4)]);
    expect(sumRows(scene.ledger.rows.values())).toEqual(scene.ledger.totals);
    expect(close(scene.ledger)).toMatchObject({ settled: 0n });
    expect(heldAtClose(scene.ledger, none)).toBe(0n);
  });

  test('unknown costs of a holder that has nothing left are settled, too', () => {
    const scene = holding();
    scene.report(2, { spent: 1, returned: 3, unknown: [unknown(2)] });
    expect(close(scene.ledger)).toMatchObject({ settled: cu(2) });
    expect(scene.sums).toEqual([cu(3), 0n, 0n, cu(7)]);
  });

  test('a holder that still has something outstanding goes on', () => {
    const scene = holding();
    const { seq } = scene.ledger;
    expect(close(scene.ledger)).toMatchObject({ settled: 0n });
    expect(scene.ledger.seq).toBe(seq);
    expect(scene.report(2, { spent: 2 })).toMatchObject({ kind: 'reported', row: { spent: cu(2) } });
  });

  test('a report that comes after that is booked as far as it says more', () => {
    const scene = holding();
    scene.report(2, { spent: 1 });
    scene.expire();
    close(scene.ledger);
    expect(scene.report(3, { spent: 4 })).toMatchObject({ kind: 'refused', reason: 'row_released' });
    expect(scene.sums).toEqual([cu(6), 0n, 0n, cu(4)]);
    scene.report(4, { spent: 7 });
    expect(scene.ledger.totals).toMatchObject({ settled: cu(7), overrun: cu(1), held: 0n });
  });
});

/** A holder that was silent from the n-th day on, with that much of its lease unused. */
function lost(ledger: Ledger, key: string, { held, day }: { held: bigint; day: number }): void {
  const expires = (startMs + day * dayMs) / 1000;
  const empty = emptyRow({ key, name: 'team-a/lost', state: 'expired' });
  changeRow(ledger, empty, (r) => Object.assign(r, { granted: held, expires, tokenExpires: expires }));
}
function ledgerOf(...rows: { key: string; held: bigint; day: number }[]): Ledger {
  const ledger = newLedger({ budget: { namespace: 'team-a', name: 'chat' }, period, cap: cu(100) });
  for (const { key, ...rest } of rows) lost(ledger, key, rest);
  return ledger;
}
function finalGap(amount: number, rest: Partial<FinalGap> = {}): FinalGap {
  return { amount: cu(amount), throughMs: period.endMs, tokenExpires: new Map(), ...rest };
}
function row(ledger: Ledger, key: string): Readonly<LedgerRow> | undefined {
  return ledger.rows.get(key);
}

describe('with SAP’s final usage', () => {
  test('as much as the gap is settled, the oldest first, and the rest released: one gap for all rows', () => {
    const ledger = ledgerOf(
      { key: 'pod:young', held: cu(10), day: 9 },
      { key: 'pod:old', held: cu(4), day: 2 },
      { key: 'pod:youngest', held: cu(5), day: 20 },
    );
    expect(close(ledger, finalGap(6))).toEqual({ settled: cu(6), released: cu(13), gapLeft: 0n });
    expect(row(ledger, 'pod:old')).toMatchObject({ spent: cu(4), released: 0n, state: 'released' });
    expect(row(ledger, 'pod:young')).toMatchObject({ spent: cu(2), released: cu(8) });
    expect(row(ledger, 'pod:youngest')).toMatchObject({ spent: 0n, released: cu(5) });
    expect(ledger.totals).toEqual({ settled: cu(6), outstanding: 0n, held: 0n, overrun: 0n });
    expect(sumRows(ledger.rows.values())).toEqual(ledger.totals);
  });

  test('what is left of the gap is for the ledgers that are still to come', () => {
    const ledger = ledgerOf({ key: 'pod:a', held: cu(4), day: 2 });
    expect(close(ledger, finalGap(6))).toEqual({ settled: cu(4), released: 0n, gapLeft: cu(2) });
  });

  test('what a holder reports after that takes back what was released, and then is an overrun', () => {
    const scene = holding();
    scene.expire();
    const tokenExpires = new Map([['pod:a', Math.floor(startMs / 1000)]]);
    close(scene.ledger, finalGap(1, { tokenExpires }));
    expect(scene.sums).toEqual([cu(1), 0n, 0n, cu(9)]);
    scene.report(2, { spent: 4 });
    expect(scene.sums).toEqual([cu(4), 0n, 0n, cu(6)]);
    scene.report(3, { spent: 7 });
    expect(scene.ledger.totals).toMatchObject({ settled: cu(7), overrun: cu(1) });
    expect(scene.events.map(({ type }) => type)).toEqual([
      'LeaseExpired',
      'ReleaseRevoked',
      'ReleaseRevoked',
      'Overrun',
    ]);
  });

  test('a request that its holder knows to be over is covered, though the holder lives on', () => {
    const scene = holding();
    scene.report(2, { spent: 1, returned: 3, unknown: [unknown(2)] });
    expect(close(scene.ledger, finalGap(0))).toMatchObject({ settled: 0n, released: cu(2) });
  });

  test.each([
    { name: 'calls may have been made with its token after the last day', tokenExpires: period.endMs / 1000 },
    { name: 'a token of another ledger lives beyond the last day', tokenExpires: 0, elsewhere: true },
    { name: 'nobody knows of a token', tokenExpires: 0 },
  ])('all is settled that a holder has of which $name', ({ tokenExpires, elsewhere }) => {
    const ledger = ledgerOf({ key: 'pod:a', held: cu(4), day: 2 }, { key: 'pod:b', held: cu(3), day: 3 });
    const first = ledger.rows.get('pod:a');
    if (first) changeRow(ledger, first, (r) => (r.tokenExpires = tokenExpires));
    const tokens = new Map(elsewhere ? [['pod:a', period.endMs / 1000]] : []);
    const closed = close(ledger, finalGap(1, { tokenExpires: tokens }));
    // It uses nothing of the gap up: nobody knows that it cost anything.
    expect(closed).toEqual({ settled: cu(5), released: cu(2), gapLeft: 0n });
  });

  test('several requests of a holder that had given back its lease long before the end are covered', () => {
    const scene = holding();
    scene.report(2, { spent: 1, returned: 3, unknown: [{ ...unknown(2), count: 2 }] });
    expect(close(scene.ledger, finalGap(1))).toMatchObject({ settled: cu(1), released: cu(1) });
  });

  test.each([
    { name: 'several requests', costs: [{ ...unknown(2), count: 2 }] },
    { name: 'a request of the last minutes', costs: [{ ...unknown(2), sinceMs: period.endMs - 1000 }] },
  ])('$name of a holder that lives on are settled: they may have been billed later', ({ costs }) => {
    const scene = holding();
    scene.nowMs = period.endMs - 1000;
    scene.report(2, { spent: 1, returned: 3, unknown: costs });
    expect(close(scene.ledger, finalGap(0))).toMatchObject({ settled: cu(2), released: 0n });
  });

  test('what was seen of a ledger that was lost is settled: its pods may have called at any time', () => {
    const ledger = ledgerOf();
    holdMissing(ledger, cu(5), startMs);
    expect(close(ledger, finalGap(0))).toMatchObject({ settled: cu(5), released: 0n });
  });

  test('what a ledger below holds is left to that', () => {
    const ledger = ledgerOf({ key: ledgerKey('below'), held: cu(5), day: 2 });
    expect(heldAtClose(ledger, none)).toBe(0n);
    expect(close(ledger, finalGap(0))).toMatchObject({ settled: 0n, released: 0n });
  });

  test('what a ledger below had that is gone is settled whole, also what was outstanding', () => {
    const ledger = ledgerOf({ key: 'pod:a', held: cu(4), day: 2 });
    const { expires } = ledger.rows.get('pod:a') ?? { expires: 0 };
    const gone = emptyRow({ key: ledgerKey('gone'), name: 'team-a/gone', state: 'open' });
    changeRow(ledger, gone, (r) =>
      Object.assign(r, { granted: cu(5), spent: cu(1), unknown: cu(1), expires }),
    );
    expect(ledger.totals).toMatchObject({ outstanding: cu(3), held: cu(5) });
    const keys = new Set([gone.key]);
    expect(heldAtClose(ledger, keys)).toBe(cu(8));
    const closed = settleHeld(ledger, { gone: keys, gap: finalGap(1) });
    expect(closed).toEqual({ settled: cu(5), released: cu(3), gapLeft: 0n });
    expect(ledger.totals).toEqual({ settled: cu(6), outstanding: 0n, held: 0n, overrun: 0n });
    expect(sumRows(ledger.rows.values())).toEqual(ledger.totals);
  });

  test('whatever is held in whatever ledgers, together as much as the gap or all of it is settled', () => {
    const held = fc.record({ held: fc.nat(50), day: fc.integer({ min: 0, max: 29 }) });
    fc.assert(
      fc.property(fc.array(fc.array(held, { maxLength: 5 }), { maxLength: 4 }), fc.nat(200), (all, most) => {
        const ledgers = all.map((rows) =>
          ledgerOf(...rows.map(({ held: amount, day }, at) => ({ key: `pod:${at}`, held: cu(amount), day }))),
        );
        const total = ledgers.reduce((sum, ledger) => sum + ledger.totals.held, 0n);
        let left = cu(most);
        for (const ledger of ledgers) left = close(ledger, { ...finalGap(0), amount: left }).gapLeft;
        const settled = ledgers.reduce((sum, ledger) => sum + ledger.totals.settled, 0n);
        expect(settled).toBe(total < cu(most) ? total : cu(most));
        expect(left).toBe(cu(most) - settled);
        for (const ledger of ledgers) expect(sumRows(ledger.rows.values())).toEqual(ledger.totals);
        for (const ledger of ledgers) expect(ledger.totals.held).toBe(0n);
      }),
    );
  });
});
