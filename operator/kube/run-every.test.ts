import { setImmediate as settled } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TestClock } from '../testing/test-clock.ts';
import { runEvery } from './run-every.ts';

test('work is done after each pause, and never again once the signal has fired', async () => {
  const clock = new TestClock();
  const controller = new AbortController();
  let runs = 0;
  const running = runEvery(1000, () => void (runs += 1), { clock, signal: controller.signal });

  clock.pass(999);
  await settled();
  expect(runs).toBe(0);
  clock.pass(1);
  await settled();
  clock.pass(1000);
  await settled();
  expect(runs).toBe(2);

  controller.abort();
  await running;
  clock.pass(10_000);
  await settled();
  expect(runs).toBe(2);
});

test('the next pause begins when the work has ended', async () => {
  const clock = new TestClock();
  const controller = new AbortController();
  const work = Promise.withResolvers<void>();
  let runs = 0;
  const run = (): Promise<void> => {
    runs += 1;
    return work.promise;
  };
  const running = runEvery(1000, run, { clock, signal: controller.signal });

  clock.pass(1000);
  await settled();
  clock.pass(5000);
  await settled();
  expect(runs).toBe(1);
  work.resolve();
  await settled();
  clock.pass(1000);
  await settled();
  expect(runs).toBe(2);
  controller.abort();
  await running;
});

test('work that fails ends it', async () => {
  const clock = new TestClock();
  const { signal } = new AbortController();
  const running = runEvery(1000, () => Promise.reject(new Error('broken')), { clock, signal });
  clock.pass(1000);
  await expect(running).rejects.toThrow('broken');
});
