import { expect, test } from 'vitest';
import { emptyRow } from './ledger.ts';
import type { LedgerRow } from './ledger.ts';
import { LiveHolders } from './live-holders.ts';

const nowMs = 1_795_350_000_000;

function rowOf(
  name: string,
  { lives, state = 'open' }: { lives: number; state?: LedgerRow['state'] },
): LedgerRow {
  return { ...emptyRow({ key: 'pod:a', name, state }), expires: nowMs / 1000 + lives };
}

test('holders are counted by namespace while their leases run', () => {
  const live = new LiveHolders();
  live.note(rowOf('team-a/1', { lives: 60 }), 1);
  live.note(rowOf('team-a/2', { lives: 300 }), 1);
  live.note(rowOf('team-b/1', { lives: 300 }), 1);
  live.note(rowOf('team-b/2', { lives: 300, state: 'expired' }), 1);
  expect(live.at(nowMs)).toEqual(
    new Map([
      ['team-a', 2],
      ['team-b', 1],
    ]),
  );
  expect(live.at(nowMs + 60_001)).toEqual(
    new Map([
      ['team-a', 1],
      ['team-b', 1],
    ]),
  );
  expect(live.at(nowMs + 300_001)).toEqual(new Map());
});

test('a holder that goes, or whose lease is renewed, is counted once', () => {
  const live = new LiveHolders();
  const before = rowOf('team-a/1', { lives: 60 });
  live.note(before, 1);
  live.note(before, -1);
  live.note(rowOf('team-a/1', { lives: 300 }), 1);
  expect(live.at(nowMs)).toEqual(new Map([['team-a', 1]]));
});

test('a copy counts for itself', () => {
  const live = new LiveHolders();
  live.note(rowOf('team-a/1', { lives: 300 }), 1);
  live.copy().note(rowOf('team-a/1', { lives: 300 }), -1);
  expect(live.at(nowMs)).toEqual(new Map([['team-a', 1]]));
});

test('the earliest ends are forgotten where there are too many, and not counted off from others later', () => {
  const live = new LiveHolders();
  for (let lives = 1; lives <= 5000; lives += 1) live.note(rowOf('team-a/1', { lives }), 1);
  expect(live.at(nowMs).get('team-a')).toBe(5000 - 2048);
  live.note(rowOf('team-a/1', { lives: 1 }), -1);
  expect(live.at(nowMs).get('team-a')).toBe(5000 - 2048);
});
