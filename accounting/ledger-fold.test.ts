import { describe, expect, test } from 'vitest';
import { countHolders, foldRows, foldedKey, isClosedOut } from './ledger-fold.ts';
import { lateKey } from './ledger-late.ts';
import { cu, holding, processB, unknown } from './ledger-scene.ts';
import type { Scene } from './ledger-scene.ts';
import { noteToken } from './ledger-transitions.ts';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { copyLedger, sumRows } from './ledger.ts';

const dayMs = 86_400_000;

/** A holder that spent two of its six and gave back the rest, a day ago. */
function gone(): Scene {
  const scene = holding();
  scene.report(2, { spent: 2, returned: 4 });
  scene.nowMs += dayMs;
  return scene;
}

test('a folded row is in the sums as before, and in the text of the ledger', () => {
  const scene = gone();
  const { ledger } = scene;
  const before = structuredClone(ledger.totals);
  foldRows(ledger, ['pod:a', 'pod:nobody'], scene.nowMs);
  expect([...ledger.rows.keys()]).toEqual([foldedKey]);
  expect(ledger.rows.get(foldedKey)).toMatchObject({ seq: 1, granted: cu(6), spent: cu(2), returned: cu(4) });
  expect(ledger.totals).toEqual(before);
  expect(sumRows(ledger.rows.values())).toEqual(before);
  expect(decodeLedger(encodeLedger(ledger))).toEqual(ledger);
  expect(countHolders(ledger)).toBe(0);
});

test('what a former process of a holder spent beyond its lease is no holder of its own', () => {
  const scene = holding();
  scene.open(processB);
  scene.report(2, { incarnation: 1, spent: 8 });
  expect([...scene.ledger.rows.keys()]).toEqual(['pod:a', lateKey('pod:a')]);
  expect(countHolders(scene.ledger)).toBe(1);
});

test('thousands of rows of gone holders are one', () => {
  const scene = gone();
  const { ledger } = scene;
  const row = scene.row;
  for (let index = 0; index < 5000; index += 1) {
    const next = { ...row, key: `pod:${index}` };
    ledger.rows.set(next.key, next);
  }
  Object.assign(ledger.totals, sumRows(ledger.rows.values()));
  const before = structuredClone(ledger.totals);
  foldRows(ledger, [...ledger.rows.keys()], scene.nowMs);
  expect(ledger.rows.get(foldedKey)).toMatchObject({ seq: 5001, spent: cu(10_002) });
  expect(ledger.totals).toEqual(before);
  expect(encodeLedger(ledger).rows.length).toBeLessThan(400);
});

describe('a row is not folded', () => {
  test.each<{ why: string; scene: () => Scene }>([
    { why: 'whose holder has something left', scene: () => late(holding()) },
    {
      why: 'whose lease is held because its holder is silent',
      scene: () => {
        const scene = late(holding());
        scene.expire();
        return scene;
      },
    },
    {
      why: 'with a cost that nobody knows',
      scene: () => late(reporting({ spent: 2, returned: 3, unknown: [unknown(1)] })),
    },
    {
      why: 'whose last token may still be used',
      scene: () => {
        const scene = gone();
        noteToken(scene.ledger, { key: 'pod:a', incarnation: 1, expires: scene.nowMs / 1000 });
        return scene;
      },
    },
    { why: 'whose holder was heard lately', scene: () => reporting({ spent: 2, returned: 4 }) },
  ])('$why', ({ scene: make }) => {
    const { ledger, nowMs, row } = make();
    const before = copyLedger(ledger);
    expect(isClosedOut(row, nowMs)).toBe(false);
    foldRows(ledger, ['pod:a'], nowMs);
    expect(ledger).toEqual(before);
  });
});

test('the folded row itself is never folded', () => {
  const scene = gone();
  foldRows(scene.ledger, ['pod:a'], scene.nowMs);
  const before = copyLedger(scene.ledger);
  foldRows(scene.ledger, [foldedKey], scene.nowMs);
  expect(scene.ledger).toEqual(before);
});

test('a journal of a folded holder is not gone on from: nothing is granted by it, and what it says is an overrun', () => {
  const scene = gone();
  foldRows(scene.ledger, ['pod:a'], scene.nowMs);
  expect(scene.report(3, { spent: 2, returned: 4, ask: 1 })).toMatchObject({ reason: 'row_unknown' });
  const answer = scene.open(undefined, { incarnation: 1, seq: 2, spent: 2, returned: 4 });
  expect(answer).toMatchObject({ kind: 'opened', resumed: false, row: { granted: 0n, overrun: cu(2) } });
  expect(scene.sums).toEqual([4, 0, 0, 6].map(cu));
});

function late(scene: Scene): Scene {
  scene.nowMs += dayMs;
  return scene;
}

function reporting(figures: Parameters<Scene['report']>[1]): Scene {
  const scene = holding();
  scene.report(2, figures);
  return scene;
}
