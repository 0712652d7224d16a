import { expect, test } from 'vitest';
import { VirtualClock } from '../../test/kube/virtual-clock.ts';
import { runController } from './controller.ts';
import type { Outcome, ReconcileReport } from './controller.ts';
import { WorkQueue } from './queue.ts';

/** A controller whose reconciles end when the test says how. */
function startController({ workers = 2, timeoutMs = 10_000 }: { workers?: number; timeoutMs?: number } = {}) {
  const clock = new VirtualClock();
  const queue = new WorkQueue({ clock, backOff: { baseMs: 100, maxMs: 1_000 } });
  const stop = new AbortController();
  const reports: ReconcileReport[] = [];
  const running: { key: string; signal: AbortSignal; end: (outcome: Outcome | Error) => void }[] = [];
  const reconcile = (key: string, signal: AbortSignal): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const end = (outcome: Outcome | Error): void => {
        running.splice(
          running.findIndex((one) => one.end === end),
          1,
        );
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      signal.addEventListener('abort', () =>
        end(signal.reason instanceof Error ? signal.reason : new Error()),
      );
      running.push({ key, signal, end });
    });
  const ended = runController({
    queue,
    reconcile,
    clock,
    signal: stop.signal,
    workers,
    timeoutMs,
    drainMs: 500,
    onReconcile: (report) => reports.push(report),
  });
  return { clock, queue, stop, reports, running, ended };
}

/** Lets everything that is not waiting for time go on: more turns than the code under test chains promises. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}

test('a key is reconciled, and done with no more to do stays away', async () => {
  const { clock, queue, reports, running, stop, ended } = startController();
  queue.add('a');
  await settle();
  expect(running.map(({ key }) => key)).toEqual(['a']);
  clock.advance(40);
  running[0]?.end({ state: 'done' });
  await settle();
  clock.advance(100_000);
  await settle();
  expect(reports).toEqual([{ key: 'a', result: 'done', durationMs: 40 }]);
  stop.abort();
  await ended;
});

test.each<{ name: string; outcome: Outcome; againAfterMs: number }>([
  { name: 'done with a time', outcome: { state: 'done', requeueAfterMs: 3_000 }, againAfterMs: 3_000 },
  {
    name: 'waiting',
    outcome: { state: 'waiting', requeueAfterMs: 700, reason: 'SecretNotFound' },
    againAfterMs: 700,
  },
])('$name comes back after that time', async ({ outcome, againAfterMs }) => {
  const { clock, queue, running, stop, ended } = startController();
  queue.add('a');
  await settle();
  running[0]?.end(outcome);
  await settle();
  clock.advance(againAfterMs - 1);
  await settle();
  expect(running).toHaveLength(0);
  clock.advance(1);
  await settle();
  expect(running).toHaveLength(1);
  running[0]?.end({ state: 'done' });
  stop.abort();
  await ended;
});

test('stalled is not tried again until the object changes', async () => {
  const { clock, queue, running, stop, ended } = startController();
  queue.add('a');
  await settle();
  running[0]?.end({ state: 'stalled', reason: 'Invalid' });
  await settle();
  clock.advance(10_000_000);
  await settle();
  expect(running).toHaveLength(0);
  queue.add('a');
  await settle();
  expect(running).toHaveLength(1);
  running[0]?.end({ state: 'done' });
  stop.abort();
  await ended;
});

test('what throws is tried again with a growing delay, which a success resets', async () => {
  const { clock, queue, reports, running, stop, ended } = startController();
  queue.add('a');
  const error = new Error('SAP is away');
  for (const delayMs of [100, 200]) {
    await settle();
    running[0]?.end(error);
    await settle();
    clock.advance(delayMs);
  }
  await settle();
  running[0]?.end({ state: 'done' });
  await settle();
  queue.add('a');
  await settle();
  running[0]?.end(error);
  await settle();
  expect(reports.map(({ result, retryAfterMs }) => [result, retryAfterMs])).toEqual([
    ['error', 100],
    ['error', 200],
    ['done', undefined],
    ['error', 100],
  ]);
  expect(reports[0]?.error).toBe(error);
  stop.abort();
  await ended;
});

test('as many keys as there are workers run side by side, but never one key twice', async () => {
  const { queue, running, stop, ended } = startController({ workers: 2 });
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await settle();
  queue.add('a');
  await settle();
  expect(running.map(({ key }) => key)).toEqual(['a', 'b']);
  running[0]?.end({ state: 'done' });
  await settle();
  expect(running.map(({ key }) => key)).toEqual(['b', 'c']);
  running[0]?.end({ state: 'done' });
  await settle();
  expect(running.map(({ key }) => key)).toEqual(['c', 'a']);
  while (running.length > 0) running[0]?.end({ state: 'done' });
  stop.abort();
  await ended;
});

test('a reconcile that takes too long has its signal fired and counts as an error', async () => {
  const { clock, queue, reports, running, stop, ended } = startController({ timeoutMs: 1_000 });
  queue.add('a');
  await settle();
  clock.advance(1_000);
  await settle();
  expect(reports).toMatchObject([{ key: 'a', result: 'error', durationMs: 1_000, retryAfterMs: 100 }]);
  expect(running).toHaveLength(0);
  stop.abort();
  await ended;
});

test('the stop lets a running reconcile end in its time and takes no further key', async () => {
  const { clock, queue, reports, running, stop, ended } = startController({ workers: 1 });
  queue.add('a');
  queue.add('b');
  await settle();
  stop.abort();
  clock.advance(499);
  await settle();
  expect(running.map(({ signal }) => signal.aborted)).toEqual([false]);
  running[0]?.end({ state: 'done' });
  await ended;
  expect(reports.map(({ key, result }) => [key, result])).toEqual([['a', 'done']]);
  expect(clock.pending).toBe(0);
});

test('the stop fires the signal of a reconcile that outlasts the drain time', async () => {
  const { clock, queue, reports, stop, ended } = startController();
  queue.add('a');
  await settle();
  stop.abort();
  clock.advance(500);
  await ended;
  expect(reports).toMatchObject([{ key: 'a', result: 'error' }]);
});

test('a controller that is stopped before it starts ends at once', async () => {
  const clock = new VirtualClock();
  const queue = new WorkQueue({ clock });
  queue.add('a');
  await runController({
    queue,
    reconcile: () => Promise.reject(new Error('must not run')),
    clock,
    signal: AbortSignal.abort(),
  });
  expect([queue.depth, clock.pending]).toEqual([0, 0]);
});
