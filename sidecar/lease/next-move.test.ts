import { expect, test } from 'vitest';
import { maxQuantity } from '../../accounting/amount.ts';
import { type Standing, nextMove } from './next-move.ts';

const standing: Standing = {
  idle: 0n,
  reserved: 0n,
  grantable: 0n,
  overdrawn: 0n,
  contested: false,
  recalled: true,
  fresh: true,
  alive: true,
  late: false,
  requestsPerGrant: 8n,
};
const wish = { amount: 100n, smallest: 10n, lower: (left: bigint) => (left >= 10n ? left : undefined) };

const cases: { name: string; given: Partial<Standing>; want: object }[] = [
  {
    name: 'takes what is idle',
    given: { idle: 100n, fresh: false },
    want: { kind: 'reserve', amount: 100n },
  },
  {
    name: 'asks for what is missing, and for more to last a while',
    given: { idle: 30n, fresh: false },
    want: { kind: 'ask', need: 70n, want: 800n },
  },
  {
    name: 'does not spend a lease that has ended',
    given: { idle: 100n, alive: false },
    want: { kind: 'ask', need: 0n },
  },
  { name: 'refuses by figures that are fresh', given: {}, want: { kind: 'refuse' } },
  {
    name: 'does not refuse by figures that are old',
    given: { fresh: false, late: true },
    want: { kind: 'ask' },
  },
  {
    name: 'asks when the operator could give enough',
    given: { idle: 30n, grantable: 70n },
    want: { kind: 'ask', need: 70n },
  },
  { name: 'waits for requests under way', given: { idle: 50n, reserved: 1n }, want: { kind: 'wait' } },
  { name: 'does not wait for what cannot help', given: { idle: 5n, reserved: 4n }, want: { kind: 'refuse' } },
  {
    name: 'takes less once it has waited',
    given: { idle: 50n, reserved: 50n, late: true },
    want: { kind: 'reserve', amount: 50n },
  },
  {
    name: 'asks in its turn for the less, and gives up what it has',
    given: { idle: 20n, grantable: 30n },
    want: { kind: 'ask', need: 50n, want: 50n, least: 10n },
  },
  { name: 'takes no less than the smallest', given: { idle: 9n }, want: { kind: 'refuse' } },
  {
    name: 'waits for what others give back, and gives up all it has, before it takes less or is refused',
    given: { idle: 30n, reserved: 50n, recalled: false },
    want: { kind: 'ask', need: 100n, want: 100n, least: 10n },
  },
  {
    name: 'waits for others also when it is late',
    given: { recalled: false, late: true },
    want: { kind: 'ask', need: 100n, least: 10n },
  },
  {
    name: 'asks at first without giving up what it has',
    given: { idle: 30n, recalled: false, fresh: false },
    want: { kind: 'ask', need: 70n, want: 800n },
  },
  {
    name: 'does not spend what is idle while the cap is passed',
    given: { idle: 100n, overdrawn: 1n, late: true },
    want: { kind: 'refuse' },
  },
  {
    name: 'is not refused while it has to give back more than passes the cap',
    given: { idle: 200n, overdrawn: 1n },
    want: { kind: 'ask', need: 100n },
  },
  {
    name: 'asks for all of it while the cap was passed',
    given: { idle: 100n, overdrawn: 1n, fresh: false },
    want: { kind: 'ask', need: 100n },
  },
  {
    name: 'asks for one request while others go short',
    given: { fresh: false, contested: true },
    want: { kind: 'ask', need: 100n, want: 100n },
  },
  {
    name: 'is refused when it is late and the lease was not renewed',
    given: { idle: 100n, alive: false, late: true },
    want: { kind: 'refuse' },
  },
];

test.each(cases)('$name', ({ given, want }) => {
  expect(nextMove(wish, { ...standing, ...given })).toMatchObject(want);
});

test('asks for no more than the largest budget has', () => {
  const dear = { ...wish, amount: 3n * maxQuantity };
  expect(nextMove(dear, { ...standing, fresh: false })).toEqual({
    kind: 'ask',
    need: maxQuantity,
    want: maxQuantity,
  });
});
