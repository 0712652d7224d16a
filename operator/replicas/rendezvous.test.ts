import { expect, test } from 'vitest';
import { rendezvous } from './rendezvous.ts';

const keys = Array.from({ length: 300 }, (_, index) => `team-${index}`);
const names = ['a', 'b', 'c'];

test('everybody finds the same name for a key, in whatever order they know the names', () => {
  for (const key of keys) expect(rendezvous(key, names)).toBe(rendezvous(key, names.toReversed()));
});

test('when a name goes, only its keys go to others', () => {
  const stay = keys.filter((key) => rendezvous(key, names) !== 'b');
  const moved = stay.filter((key) => rendezvous(key, ['a', 'c']) !== rendezvous(key, names));
  expect(stay.length).toBeGreaterThan(0);
  expect(moved).toEqual([]);
});

test('keys are spread over all names', () => {
  for (const name of names) {
    const share = keys.filter((key) => rendezvous(key, names) === name).length;
    expect(share).toBeGreaterThan(60);
  }
});

test('without names there is none', () => {
  expect(rendezvous('team-a', [])).toBeUndefined();
});
