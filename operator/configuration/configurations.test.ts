import { expect, test } from 'vitest';
import { type BudgetConfiguration, configurationAnswer } from '../../accounting/configuration-messages.ts';
import { TestClock } from '../testing/test-clock.ts';
import { Configurations } from './configurations.ts';

const one = { namespace: 'team', name: 'one' };
const two = { namespace: 'team', name: 'two' };
const holder = 'pod:app';
const never = new AbortController().signal;

function unavailable(budget: string, reason: string): BudgetConfiguration {
  return { state: 'unavailable', namespace: 'team', budget, reason, message: reason };
}
function setUp(): { clock: TestClock; source: Configurations } {
  const clock = new TestClock();
  return { clock, source: new Configurations({ clock }) };
}

test('a budget nobody has published is not found, in a valid answer', () => {
  const answer = setUp().source.current([one]);
  expect(configurationAnswer.parse(answer).budgets).toMatchObject([
    { budget: 'one', reason: 'BudgetNotFound' },
  ]);
});

test('the etag tells configurations, budgets and their order apart, and nothing else', () => {
  const { source } = setUp();
  source.publish(unavailable('one', 'A'));
  const before = source.current([one, two]).etag;
  expect(source.current([two, one]).etag).not.toBe(before);
  expect(source.current([one]).etag).not.toBe(before);
  source.publish({ ...unavailable('one', 'A') });
  expect(source.current([one, two]).etag).toBe(before);
  source.publish(unavailable('one', 'B'));
  expect(source.current([one, two]).etag).not.toBe(before);
});

test('who has seen another state is answered at once', async () => {
  const { source } = setUp();
  const wait = { holder, timeoutMs: 1_000, signal: never };
  expect(await source.waitForChange([one], wait)).toEqual(source.current([one]));
  expect(await source.waitForChange([one], { ...wait, seen: 'old' })).toEqual(source.current([one]));
});

test('who waits is answered on news of one of the budgets, not on news of others', async () => {
  const { source } = setUp();
  const seen = source.current([one, two]).etag;
  let answered = false;
  const waiting = source.waitForChange([one, two], { seen, holder, timeoutMs: 60_000, signal: never });
  void waiting.then(() => (answered = true));
  source.publish(unavailable('three', 'A'));
  await Promise.resolve();
  expect(answered).toBe(false);
  source.publish(unavailable('two', 'A'));
  expect((await waiting).budgets).toMatchObject([{ reason: 'BudgetNotFound' }, { reason: 'A' }]);
  const gone = source.waitForChange([two], {
    seen: source.current([two]).etag,
    holder,
    timeoutMs: 60_000,
    signal: never,
  });
  source.forget(two);
  expect((await gone).budgets).toMatchObject([{ reason: 'BudgetNotFound' }]);
});

test('without news the wait ends in time, with the same etag', async () => {
  const { clock, source } = setUp();
  const seen = source.current([one]).etag;
  const waiting = source.waitForChange([one], { seen, holder, timeoutMs: 5_000, signal: never });
  clock.pass(5_000);
  expect((await waiting).etag).toBe(seen);
});

test('a wait ends with its signal', async () => {
  const { source } = setUp();
  const leaving = new AbortController();
  const { etag: seen } = source.current([one]);
  const waiting = source.waitForChange([one], { seen, holder, timeoutMs: 5_000, signal: leaving.signal });
  leaving.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
});

test('who is asked in a recall round is told at once, without what it has seen already', async () => {
  const { source } = setUp();
  const wait = { seen: source.current([one, two]).etag, holder, timeoutMs: 60_000, signal: never };
  const waiting = source.waitForChange([one, two], wait);
  source.recall(two, { number: 7, keys: [holder] });
  const { budgets, recalls } = await waiting;
  expect({ budgets, recalls }).toEqual({ budgets: [], recalls: { two: 7 } });
  const again = source.waitForChange([one, two], { ...wait, recalls });
  source.recall(two, { number: 8, keys: [holder] });
  expect((await again).recalls).toEqual({ two: 8 });
  expect(configurationAnswer.parse(await again).etag).toBe(wait.seen);
});

test('who is not asked, or has answered, or has heeded it, waits on', async () => {
  const { clock, source } = setUp();
  source.recall(one, { number: 7, keys: [holder, 'pod:other'] });
  source.withdraw(one, ['pod:other']);
  const { etag: seen } = source.current([one]);
  const wait = { seen, timeoutMs: 5_000, signal: never };
  const waiting = [
    source.waitForChange([one], { ...wait, holder: 'pod:third' }),
    source.waitForChange([one], { ...wait, holder: 'pod:other' }),
    source.waitForChange([one], { ...wait, holder, recalls: { one: 7 } }),
  ];
  clock.pass(5_000);
  expect(await Promise.all(waiting)).toEqual([
    source.current([one]),
    source.current([one]),
    { ...source.current([one]), recalls: { one: 7 } },
  ]);
});

test('a new caller is told all, with the round it is asked in', async () => {
  const { source } = setUp();
  source.recall(one, { number: 7, keys: [holder] });
  const answer = await source.waitForChange([one], { holder, timeoutMs: 5_000, signal: never });
  expect(answer).toEqual({ ...source.current([one]), recalls: { one: 7 } });
});

test('a pod that is being deleted is asked once for what it has idle of each budget', async () => {
  const { clock, source } = setUp();
  const wait = { seen: source.current([one, two]).etag, holder, timeoutMs: 5_000, signal: never };
  const waiting = source.waitForChange([one, two], wait);
  source.noteLeaving(holder);
  const leavingMs = clock.nowMs();
  const { recalls } = await waiting;
  expect(recalls).toEqual({ one: leavingMs, two: leavingMs });
  const again = source.waitForChange([one, two], { ...wait, recalls });
  clock.pass(4_000);
  source.noteLeaving(holder);
  source.recall(two, { number: 7, keys: [holder] });
  expect((await again).recalls).toEqual({ one: leavingMs, two: 7 });
});
