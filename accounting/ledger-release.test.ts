import { expect, test } from 'vitest';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { holdMissing, releaseApproved } from './ledger-release.ts';
import { Scene, cu, period, startMs } from './ledger-scene.ts';
import { noteToken } from './ledger-transitions.ts';
import { available, newLedger } from './ledger.ts';

/** A pod that was granted 5 CU, spent 2, was given a token for an hour and has been silent since. */
function silent(): Scene {
  const scene = new Scene(10);
  scene.open();
  scene.report(1, { ask: 5 });
  scene.report(2, { spent: 2 });
  const expires = Math.floor(startMs / 1000) + 3600;
  noteToken(scene.ledger, { key: 'pod:a', incarnation: 1, expires });
  scene.nowMs = startMs + 3 * 3_600_000;
  scene.expire();
  return scene;
}
const release = (held: number, spent: number, seq = 2) => ({
  key: 'pod:a',
  seq,
  held: cu(held),
  spent: cu(spent),
});

test('what a person says was not spent can be granted again, once', () => {
  const { ledger, nowMs } = silent();
  expect(available(ledger)).toBe(cu(5));
  expect(releaseApproved(ledger, release(3, 1), nowMs)).toEqual({ state: 'released' });
  expect([available(ledger), ledger.totals.settled]).toEqual([cu(7), cu(3)]);
  expect(releaseApproved(ledger, release(3, 1), nowMs)).toEqual({ state: 'already' });
  expect(available(ledger)).toBe(cu(7));
});

test.each([
  { what: 'a row that is not there', given: { ...release(3, 1), key: 'pod:b' }, says: 'no row pod:b' },
  { what: 'another amount than is held', given: release(4, 1), says: 'holds 3 CU, not 4' },
  { what: 'more spent than held', given: release(3, 4), says: 'more was spent than held' },
])('a release of $what is refused and changes nothing', ({ given, says }) => {
  const { ledger, nowMs } = silent();
  const outcome = releaseApproved(ledger, given, nowMs);
  expect(outcome).toEqual({ state: 'refused', why: expect.stringContaining(says) });
  expect(available(ledger)).toBe(cu(5));
});

test('nothing is released while a token of that pod lives, or a call that began with it', () => {
  const { ledger } = silent();
  const beforeMs = startMs + 3_600_000 + 599_000;
  expect(releaseApproved(ledger, release(3, 1), beforeMs)).toMatchObject({
    why: 'calls of pod:a may be under way until 2026-11-01T01:10:00.000Z',
  });
});

test('what was said of one silence does not count for the next', () => {
  const scene = silent();
  const word = release(3, 0);
  expect(releaseApproved(scene.ledger, word, scene.nowMs)).toEqual({ state: 'released' });
  scene.open('00000000000000bb');
  scene.report(3, { incarnation: 2, spent: 2, returned: 0, ask: 3 });
  scene.expire();
  expect(scene.ledger.totals.held).toBe(cu(3));
  expect(releaseApproved(scene.ledger, word, scene.nowMs)).toEqual({
    state: 'refused',
    why: 'pod:a has reported since: its last report is 3, not 2',
  });
});

test('nothing is released of a holder that reports', () => {
  const scene = silent();
  scene.report(3, { spent: 2 });
  expect(releaseApproved(scene.ledger, release(3, 1), scene.nowMs)).toMatchObject({
    why: expect.stringContaining('reports'),
  });
});

test('what a lost ledger had promised beyond what is left of it is held, and can be released', () => {
  const ledger = newLedger({ budget: { namespace: 'team-a', name: 'chat' }, period, cap: cu(10) });
  holdMissing(ledger, cu(8), startMs);
  expect([available(ledger), ledger.totals.held]).toEqual([cu(2), cu(8)]);
  expect(decodeLedger(encodeLedger(ledger))).toEqual(ledger);
  expect(encodeLedger(ledger).heldRows).toContain('recovered journal_lost 1 2026-11-01T00:00:00.000Z 8');
  const outcome = releaseApproved(ledger, { key: 'recovered', seq: 1, held: cu(8), spent: cu(6) }, startMs);
  expect([outcome.state, available(ledger)]).toEqual(['released', cu(4)]);
});

test('nothing is held for a ledger that has all that was seen of it', () => {
  const { ledger } = silent();
  const { seq } = ledger;
  holdMissing(ledger, cu(5), startMs);
  expect(ledger.seq).toBe(seq);
});
