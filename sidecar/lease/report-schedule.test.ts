import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newLease } from '../../accounting/lease.ts';
import { type ReportState, ReportSchedule } from './report-schedule.ts';

const times = { reportMs: 5000, idleReturnMs: 60_000 };
const state: ReportState = {
  lease: newLease({ budget: 'chat', ledgerUid: 'uid', processId: '' }),
  endsAtMs: 300_000,
  sentAtMs: 0,
  asked: () => false,
  overdrawn: false,
  returnable: () => 0n,
};

/** When (ms) a change at 0 is reported by a pod whose chance is this. */
async function reportedAt(chance: number): Promise<number> {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs, wallMs: () => clock.nowMs };
  const schedule = new ReportSchedule({ clock, times, random: () => chance });
  schedule.noteChange();
  const ended = new AbortController();
  const told: { atMs?: number } = {};
  const due = schedule.next(ended.signal, state).then(() => (told.atMs = clock.nowMs));
  for (; told.atMs === undefined && clock.nowMs < 10_000; clock.nowMs += 250) {
    schedule.wake();
    await turn();
  }
  ended.abort();
  await due.catch(() => undefined);
  return told.atMs ?? Number.NaN;
}

test('a change is reported after a time that differs from pod to pod, so that many do not report together', async () => {
  expect(await Promise.all([0, 0.5, 1].map(reportedAt))).toEqual([3750, 5000, 6250]);
});
