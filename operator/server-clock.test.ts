import { expect, test } from 'vitest';
import { ServerClock } from './server-clock.ts';
import { TestClock } from './testing/test-clock.ts';

test.each([
  { name: 'the same second', serverAheadMs: 0, answerAfterMs: 0, want: 0 },
  { name: 'a second that has begun while waiting', serverAheadMs: 0, answerAfterMs: 700, want: 0 },
  { name: 'an hour ahead', serverAheadMs: 3_600_000, answerAfterMs: 0, want: 3_600_000 },
  { name: 'an hour behind', serverAheadMs: -3_600_000, answerAfterMs: 0, want: -3_600_000 + 999 },
])(
  'a server whose clock shows $name corrects ours by $want ms',
  async ({ serverAheadMs, answerAfterMs, want }) => {
    const machine = new TestClock('2026-11-10T12:00:00Z');
    const clock = new ServerClock(machine);
    const server = new Date(machine.nowMs() + serverAheadMs);
    const offsetMs = await clock.correct(() => {
      machine.pass(answerAfterMs);
      return Promise.resolve(server);
    });
    expect(offsetMs).toBe(want);
    expect(clock.nowMs()).toBe(machine.nowMs() + want);
  },
);

test('a server that does not say leaves the clock as it was', async () => {
  const machine = new TestClock();
  const clock = new ServerClock(machine);
  await clock.correct(() => Promise.resolve(new Date(machine.nowMs() + 60_000)));
  await expect(clock.correct(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(clock.nowMs() - machine.nowMs()).toBe(60_000);
});
