import { expect, test } from 'vitest';
import { VirtualClock } from '../../test/kube/virtual-clock.ts';
import { WriteRate } from './write-rate.ts';

const { signal } = new AbortController();

/** A rate of 100 bytes a second, 300 at once, and how many of its writes were let through. */
function start() {
  const clock = new VirtualClock();
  const rate = new WriteRate({ clock, bytesPerSecond: 100, burstBytes: 300 });
  const passed: number[] = [];
  const write = (bytes: number): void => void rate.take(bytes, signal).then(() => passed.push(bytes));
  const after = async (ms: number): Promise<number[]> => {
    clock.advance(ms);
    // Lets everything run that is due.
    await new Promise(setImmediate);
    return passed;
  };
  return { clock, rate, write, after };
}

test('writes pass at once while there is credit, and wait for as long as what they are over takes', async () => {
  const { write, after } = start();
  write(300);
  write(100);
  expect(await after(0)).toEqual([300]);
  expect(await after(999)).toEqual([300]);
  expect(await after(1)).toEqual([300, 100]);
});

test('a quiet time gives back no more than a burst', async () => {
  const { write, after } = start();
  await after(3_600_000);
  write(300);
  write(1);
  expect(await after(0)).toEqual([300]);
});

test('a write that is larger than a burst waits, and is not refused', async () => {
  const { write, after } = start();
  write(500);
  expect(await after(1999)).toEqual([]);
  expect(await after(1)).toEqual([500]);
});

test('a wait ends with its signal', async () => {
  const { rate, clock } = start();
  const controller = new AbortController();
  const waiting = rate.take(1000, controller.signal);
  controller.abort();
  await expect(waiting).resolves.toBeUndefined();
  expect(clock.pending).toBe(0);
});

test('what can wait lets others go first, and is not kept waiting for ever by them', async () => {
  const { rate, write, after, clock } = start();
  write(300);
  let spare = false;
  void rate.takeSpare(30, signal).then(() => (spare = true));
  await after(100);
  write(10);
  expect(await after(0)).toEqual([300, 10]);
  // A fifth of a second has passed, in which others took what there was.
  await after(99);
  expect(spare).toBe(false);
  await after(1);
  expect(clock.pending).toBe(1);
  await after(200);
  expect(spare).toBe(true);
});

test('what can wait does not wait while there is enough for all', async () => {
  const { rate, clock } = start();
  await rate.takeSpare(300, signal);
  expect(clock.nowMs()).toBe(start().clock.nowMs());
});
