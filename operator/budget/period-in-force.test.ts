import { expect, test } from 'vitest';
import { periodAt } from '../../accounting/period.ts';
import { periodInForce, possibleNames } from './period-in-force.ts';

const utc = { timeZone: 'Etc/UTC', startDay: 1 };
const middle = { timeZone: 'Etc/UTC', startDay: 15 };
const at = (text: string): number => Date.parse(text);
const november = periodAt(at('2026-11-10T00:00:00Z'), utc);

test('without a period before, the rule decides', () => {
  expect(periodInForce(at('2026-11-10T00:00:00Z'), utc)).toEqual(november);
});

test('a period that has begun is kept to its end, whatever the rule says by now', () => {
  expect(periodInForce(at('2026-11-20T00:00:00Z'), middle, november)).toEqual(november);
});

test('after its end the rule decides, where the months differ', () => {
  const { startMs, name } = periodInForce(at('2026-12-01T00:00:00Z'), utc, november);
  expect([name, startMs]).toEqual(['2026-12', november.endMs]);
});

test('where the next period would have the same name, the old one goes on to the end of that', () => {
  const extended = periodInForce(at('2026-12-01T00:00:00Z'), middle, november);
  expect(extended).toEqual({ ...november, endMs: at('2026-12-15T00:00:00Z') });
  expect(periodInForce(at('2026-12-15T00:00:00Z'), middle, extended).name).toBe('2026-12');
});

test.each([
  { now: '2026-11-30T12:00:00Z', timeZone: 'Pacific/Kiritimati', startDay: 1 },
  { now: '2026-11-01T05:00:00Z', timeZone: 'Pacific/Pago_Pago', startDay: 28 },
  { now: '2026-01-01T00:00:00Z', timeZone: 'Etc/UTC', startDay: 28 },
])('the period of $now in $timeZone from day $startDay has one of the possible names', ({ now, ...rule }) => {
  expect(possibleNames(at(now))).toContain(periodAt(at(now), rule).name);
});
