import { expect, test } from 'vitest';
import { TestClock } from '../testing/test-clock.ts';
import type { BudgetRef } from './budget-ref.ts';
import { RecallRounds } from './recall-rounds.ts';

const one = { namespace: 'team', name: 'one' };
const two = { namespace: 'team', name: 'two' };

function setUp() {
  const clock = new TestClock();
  const begun: string[] = [];
  const rounds = new RecallRounds({ clock, begin: ({ name }: BudgetRef) => begun.push(name) });
  return { clock, begun, rounds };
}

test('a first round begins at once, each budget by itself', () => {
  const { begun, rounds } = setUp();
  rounds.want(one);
  rounds.want(two);
  expect(begun).toEqual(['one', 'two']);
});

test('what is wanted soon after a round is one more, half a second after it', () => {
  const { clock, begun, rounds } = setUp();
  for (let count = 0; count < 5; count += 1) rounds.want(one);
  clock.pass(499);
  expect(begun).toEqual(['one']);
  clock.pass(1);
  expect(begun).toEqual(['one', 'one']);
  clock.pass(10_000);
  expect(begun).toHaveLength(2);
  rounds.want(one);
  expect(begun).toHaveLength(3);
});
