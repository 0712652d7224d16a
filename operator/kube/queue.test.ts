import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { VirtualClock } from '../../test/kube/virtual-clock.ts';
import { WorkQueue } from './queue.ts';

const backOff = { baseMs: 100, maxMs: 1_000 };

function newQueue() {
  const clock = new VirtualClock();
  return { clock, queue: new WorkQueue({ clock, backOff }) };
}

test('a key added many times is handed out once', async () => {
  const { queue } = newQueue();
  for (let i = 0; i < 5; i += 1) queue.add('a');
  queue.add('b');
  expect(queue.depth).toBe(2);
  expect([await queue.take(), await queue.take()]).toEqual(['a', 'b']);
  expect(queue.depth).toBe(0);
});

test('keys come out in the order in which they were added', async () => {
  const { queue } = newQueue();
  for (const key of ['c', 'a', 'b', 'a']) queue.add(key);
  expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['c', 'a', 'b']);
});

test('a key added while it is worked on comes back once, and only after it is done', async () => {
  const { queue } = newQueue();
  queue.add('a');
  await queue.take();
  queue.add('a');
  queue.add('a');
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(await queue.take()).toBe('a');
  queue.done('a');
  expect(queue.depth).toBe(0);
});

test('a taker that came first waits until there is a key', async () => {
  const { queue } = newQueue();
  const taken = queue.take();
  queue.add('a');
  expect(await taken).toBe('a');
  expect(queue.depth).toBe(0);
});

test('the soonest of several delays counts', async () => {
  const { clock, queue } = newQueue();
  queue.addAfter('a', 500);
  queue.addAfter('a', 200);
  queue.addAfter('a', 900);
  clock.advance(199);
  expect(queue.depth).toBe(0);
  clock.advance(1);
  expect(await queue.take()).toBe('a');
  queue.done('a');
  clock.advance(1_000);
  expect(queue.depth).toBe(0);
});

test('each failure of a key doubles its delay up to the longest, and forget starts anew', () => {
  const { queue } = newQueue();
  const delays = Array.from({ length: 6 }, () => queue.addFailed('a'));
  expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  expect(queue.addFailed('b')).toBe(100);
  queue.forget('a');
  expect(queue.addFailed('a')).toBe(100);
});

test('a failed key is back after its delay', () => {
  const { clock, queue } = newQueue();
  queue.addFailed('a');
  clock.advance(99);
  expect(queue.depth).toBe(0);
  clock.advance(1);
  expect(queue.depth).toBe(1);
});

test('closing ends the waiting, drops what is queued and leaves no timer', async () => {
  const { clock, queue } = newQueue();
  const waiting = queue.take();
  queue.addAfter('later', 100);
  queue.close();
  queue.add('a');
  queue.addAfter('b', 1);
  expect(await waiting).toBeUndefined();
  expect(await queue.take()).toBeUndefined();
  expect([queue.depth, clock.pending]).toEqual([0, 0]);
});

/** A queue together with what a correct one owes. */
class WatchedQueue {
  readonly clock = new VirtualClock();
  readonly queue = new WorkQueue({ clock: this.clock, backOff });
  readonly working = new Set<string>();
  /** Keys added since they were last taken: all of these must still come out. */
  readonly owed = new Set<string>();

  add(key: string): void {
    this.owed.add(key);
    this.queue.add(key);
  }
  addLater(key: string): void {
    this.owed.add(key);
    this.queue.addAfter(key, 50);
  }
  async take(): Promise<void> {
    if (this.queue.depth === 0) return;
    const key = (await this.queue.take()) ?? 'closed';
    if (this.working.has(key)) throw new Error(`${key} is with two workers`);
    this.working.add(key);
    this.owed.delete(key);
  }
  done(key: string): void {
    if (this.working.delete(key)) this.queue.done(key);
  }
}

test('no key is ever with two workers, and none that was added is lost', async () => {
  const keys = ['a', 'b', 'c'];
  const steps: ((watched: WatchedQueue) => void | Promise<void>)[] = [
    (watched) => watched.take(),
    (watched) => watched.clock.advance(30),
    ...keys.flatMap((key) => [
      (watched: WatchedQueue) => watched.add(key),
      (watched: WatchedQueue) => watched.addLater(key),
      (watched: WatchedQueue) => watched.done(key),
    ]),
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...steps), { maxLength: 60 }), async (taken) => {
      const watched = new WatchedQueue();
      for (const step of taken) await step(watched);
      watched.clock.advance(1_000);
      for (const key of keys) watched.done(key);
      const owed = [...watched.owed];
      const came: string[] = [];
      while (watched.queue.depth > 0) came.push((await watched.queue.take()) ?? 'closed');
      expect(came).toEqual(expect.arrayContaining(owed));
      expect(new Set(came).size).toBe(came.length);
    }),
  );
});
