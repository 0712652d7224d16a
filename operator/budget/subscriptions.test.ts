import { expect, test } from 'vitest';
import { Subscriptions } from './subscriptions.ts';
import type { Claimant } from './subscriptions.ts';

const older: Claimant = { key: 'a/older', uid: 'u2', createdAt: '2026-11-01T00:00:00Z' };
const younger: Claimant = { key: 'b/younger', uid: 'u1', createdAt: '2026-11-02T00:00:00Z' };
const all = [older, younger];

function setUp(): { subscriptions: Subscriptions; revoked: string[] } {
  const revoked: string[] = [];
  return { subscriptions: new Subscriptions({ onRevoked: (key) => revoked.push(key) }), revoked };
}

test('the younger waits until the older has been looked at, and is refused when it has the same subscription', () => {
  const { subscriptions, revoked } = setUp();
  expect(subscriptions.claim(younger, ['zone x'], all)).toEqual({ state: 'undecided' });
  expect(subscriptions.claim(older, ['zone x', 'zone y'], all)).toEqual({ state: 'granted' });
  expect(revoked).toEqual(['b/younger']);
  expect(subscriptions.claim(younger, ['zone x'], all)).toEqual({ state: 'taken', by: 'a/older' });
});

test('budgets without a subscription in common do not touch each other', () => {
  const { subscriptions, revoked } = setUp();
  subscriptions.claim(older, ['zone x'], all);
  expect(subscriptions.claim(younger, ['zone y'], all)).toEqual({ state: 'granted' });
  expect(revoked).toEqual([]);
});

test('a budget whose key cannot be read holds up nobody', () => {
  const { subscriptions } = setUp();
  subscriptions.claim(older, [], all);
  expect(subscriptions.claim(younger, ['zone x'], all)).toEqual({ state: 'granted' });
});

test('when the older goes, or takes another key, the younger is looked at again', () => {
  const { subscriptions, revoked } = setUp();
  subscriptions.claim(older, ['zone x'], all);
  subscriptions.claim(younger, ['zone x'], all);
  revoked.length = 0;
  subscriptions.claim(older, ['zone z'], all);
  expect(revoked).toEqual(['b/younger']);
  expect(subscriptions.claim(younger, ['zone x'], all)).toEqual({ state: 'granted' });
  subscriptions.claim(older, ['zone x'], all);
  subscriptions.release(older.key);
  expect(revoked).toEqual(['b/younger', 'b/younger', 'b/younger']);
  expect(subscriptions.claim(younger, ['zone x'], [younger])).toEqual({ state: 'granted' });
});

test('the same claim again is no news', () => {
  const { subscriptions, revoked } = setUp();
  subscriptions.claim(older, ['zone x'], all);
  subscriptions.claim(younger, ['zone x'], all);
  revoked.length = 0;
  subscriptions.claim(older, ['zone x'], all);
  subscriptions.claim(younger, ['zone x'], all);
  expect(revoked).toEqual([]);
});

test('of two budgets made in the same second always the same one is the older', () => {
  const { subscriptions } = setUp();
  const twin: Claimant = { ...older, key: 'c/twin', uid: 'u9' };
  expect(subscriptions.claim(older, ['zone x'], [older, twin])).toEqual({ state: 'granted' });
  expect(subscriptions.claim(twin, ['zone x'], [older, twin])).toEqual({ state: 'taken', by: 'a/older' });
});

test('an older budget that was made anew has to be looked at again', () => {
  const { subscriptions } = setUp();
  subscriptions.claim(older, ['zone z'], all);
  const anew = [{ ...older, uid: 'u3' }, younger];
  expect(subscriptions.claim(younger, ['zone x'], anew)).toEqual({ state: 'undecided' });
});
