import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { VirtualClock } from '../../test/kube/virtual-clock.ts';
import { Election, electionTimes } from './election.ts';
import type { ElectionStore, LeaderRecord, StoredRecord } from './election.ts';

/** The record as an API server keeps it: one version after the other, and a write only after the newest. */
class Shelf implements ElectionStore {
  stored: StoredRecord | undefined;
  writes: LeaderRecord[] = [];
  /** Unset: answers. `down`: refuses. `silent`: never answers. `lost`: writes, and the answer is lost. */
  trouble: 'down' | 'silent' | 'lost' | undefined;

  async read({ signal }: { signal: AbortSignal }): Promise<StoredRecord | undefined> {
    await this.#answer(signal);
    return this.stored;
  }

  async write(
    record: LeaderRecord,
    { after, signal }: { after: StoredRecord | undefined; signal: AbortSignal },
  ): Promise<StoredRecord | undefined> {
    if (this.trouble !== 'lost') await this.#answer(signal);
    if (this.stored?.version !== after?.version) return undefined;
    this.writes.push(record);
    this.stored = { record, version: String(this.writes.length) };
    if (this.trouble === 'lost') throw new Error('connection lost');
    return this.stored;
  }

  async #answer(signal: AbortSignal): Promise<void> {
    if (this.trouble === 'down') throw new Error('unreachable');
    if (this.trouble !== 'silent') return;
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}

/** A replica of its own clock, whose wall clock is off by `skewMs`. */
function replica(identity: string, shelf: ElectionStore, { skewMs = 0 } = {}) {
  const clock = new VirtualClock(skewMs);
  const stop = new AbortController();
  const terms: { ended: boolean }[] = [];
  const election = new Election({
    store: shelf,
    identity,
    times: electionTimes(15_000),
    clock,
    wallMs: () => clock.nowMs(),
    random: () => 0.5,
  });
  const lead = (signal: AbortSignal): Promise<void> => {
    const term = { ended: false };
    terms.push(term);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        term.ended = true;
        resolve();
      });
    });
  };
  return { election, clock, stop, terms, running: election.run(lead, stop.signal) };
}

/** Lets the same time pass for all of them. */
async function pass(ms: number, ...clocks: { advance: (ms: number) => void }[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    for (const clock of clocks) clock.advance(100);
    for (let turns = 0; turns < 4; turns += 1) await turn();
  }
}

test('of two candidates one leads, and goes on leading', async () => {
  const shelf = new Shelf();
  const [a, b] = [replica('a', shelf), replica('b', shelf)];
  await pass(120_000, a.clock, b.clock);
  expect([a.election.leads(), b.election.leads()]).toEqual([true, false]);
  expect([a.terms, b.terms]).toEqual([[{ ended: false }], []]);
  expect(shelf.stored?.record).toMatchObject({ holder: 'a', transitions: 0, durationMs: 15_000 });
  expect(b.election.leader).toBe('a');
});

test('a leader that falls silent is followed after the duration, and not before', async () => {
  const shelf = new Shelf();
  const [a, b] = [replica('a', shelf), replica('b', shelf)];
  await pass(10_000, a.clock, b.clock);
  // Killed: its clock stands still.
  await pass(12_900, b.clock);
  expect(b.election.leads()).toBe(false);
  await pass(6_000, b.clock);
  expect(b.election.leads()).toBe(true);
  expect(shelf.stored?.record).toMatchObject({ holder: 'b', transitions: 1 });
});

test('a leader that was stopped does not lead when it goes on, and its term ends', async () => {
  const shelf = new Shelf();
  const [a, b] = [replica('a', shelf), replica('b', shelf)];
  await pass(10_000, a.clock, b.clock);
  await pass(20_000, b.clock);
  a.clock.advance(20_000);
  expect(a.election.leads()).toBe(false);
  expect(b.election.leads()).toBe(true);
  await pass(5_000, a.clock, b.clock);
  expect(a.terms).toEqual([{ ended: true }]);
  expect([a.election.leads(), a.election.term]).toEqual([false, 1]);
  expect(shelf.stored?.record.holder).toBe('b');
});

test('one that was stopped for long begins a new term even where nobody took over', async () => {
  const shelf = new Shelf();
  const a = replica('a', shelf);
  await pass(5_000, a.clock);
  a.clock.advance(60_000);
  expect(a.election.leads()).toBe(false);
  await pass(5_000, a.clock);
  expect(a.terms).toEqual([{ ended: true }, { ended: false }]);
  expect([a.election.leads(), a.election.term]).toEqual([true, 2]);
});

test.each(['down', 'silent'] as const)(
  'a leader whose API server is %s stops before others may start',
  async (trouble) => {
    const shelf = new Shelf();
    const a = replica('a', shelf);
    await pass(20_000, a.clock);
    shelf.trouble = trouble;
    await pass(7_900, a.clock);
    expect(a.election.leads()).toBe(true);
    await pass(2_200, a.clock);
    expect(a.election.leads()).toBe(false);
    await pass(200, a.clock);
    expect(a.terms).toEqual([{ ended: true }]);
  },
);

test('at no moment two of three lead, whoever is cut off from the API server for how long', async () => {
  const shelf = new Shelf();
  const cut = new Set<string>();
  const reachedBy = (name: string): ElectionStore => ({
    read: (options) => (cut.has(name) ? Promise.reject(new Error('cut off')) : shelf.read(options)),
    write: (record, options) =>
      cut.has(name) ? Promise.reject(new Error('cut off')) : shelf.write(record, options),
  });
  const all = ['a', 'b', 'c'].map((name) => replica(name, reachedBy(name)));
  const clocks = all.map(({ clock }) => clock);
  const led = new Set<string>();
  for (let second = 0; second < 300; second += 1) {
    if (second % 20 === 0) {
      cut.clear();
      const leader = shelf.stored?.record.holder;
      if (leader !== undefined && second % 60 === 0) cut.add(leader);
    }
    await pass(1_000, ...clocks);
    const leading = all.filter(({ election }) => election.leads());
    expect(leading.length).toBeLessThan(2);
    if (leading.length === 1) led.add(shelf.stored?.record.holder ?? '');
  }
  expect(led.size).toBeGreaterThan(1);
});

test('wall clocks that are hours apart change nothing', async () => {
  const shelf = new Shelf();
  const a = replica('a', shelf);
  const b = replica('b', shelf, { skewMs: 7 * 3_600_000 });
  await pass(60_000, a.clock, b.clock);
  expect([a.election.leads(), b.election.leads()]).toEqual([true, false]);
  expect(shelf.stored?.record.transitions).toBe(0);
});

test('a renewal whose answer was lost is found at the next try', async () => {
  const shelf = new Shelf();
  const a = replica('a', shelf);
  await pass(10_000, a.clock);
  shelf.trouble = 'lost';
  await pass(3_000, a.clock);
  shelf.trouble = undefined;
  await pass(20_000, a.clock);
  expect([a.election.leads(), a.terms]).toEqual([true, [{ ended: false }]]);
  expect(shelf.stored?.record).toMatchObject({ holder: 'a', transitions: 0 });
});

test('who stops in order steps down, and the next one need not wait', async () => {
  const shelf = new Shelf();
  const [a, b] = [replica('a', shelf), replica('b', shelf)];
  await pass(10_000, a.clock, b.clock);
  a.stop.abort();
  await a.running;
  expect([a.election.leads(), shelf.stored?.record.holder]).toEqual([false, '']);
  await pass(5_000, b.clock);
  expect(b.election.leads()).toBe(true);
});

test('what ends a term by itself ends the election', async () => {
  const clock = new VirtualClock();
  const election = new Election({
    store: new Shelf(),
    identity: 'a',
    times: electionTimes(15_000),
    clock,
    wallMs: () => clock.nowMs(),
  });
  const running = election.run(
    () => Promise.reject(new Error('a controller failed')),
    new AbortController().signal,
  );
  await expect(running).rejects.toThrow('a controller failed');
  expect(election.leads()).toBe(false);
});
