import { describe, expect, test } from 'vitest';
import { type Ledger, setCap } from './ledger.ts';
import { type RecallSteps, nextSteps } from './recall-steps.ts';
import {
  type Recall,
  bearsOut,
  join,
  leave,
  newRecall,
  noteHeard,
  noteLost,
  noteReport,
  refusedAtOnce,
  roundCountsMs,
  served,
  setAside,
  silentAfterMs,
} from './recall.ts';
import { grantTo, ledgerOf, returnFrom } from './recall-scene.ts';

const startMs = 1_000_000;

function waiter(key: string, need: bigint, sinceMs = startMs) {
  return { key, incarnation: 1, seq: 2, granted: 0n, need, sinceMs };
}

/** One that waits for so much; what holders have is as given. */
function waiting(
  holders: Record<string, bigint>,
  { free = 0n, need = 6n }: { free?: bigint; need?: bigint } = {},
) {
  const ledger = ledgerOf(holders, free);
  const recall = newRecall();
  join(recall, waiter('w', need));
  return { ledger, recall };
}

function keys(count: number, prefix = 'h'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function holding(names: readonly string[], each: (index: number) => bigint): Record<string, bigint> {
  return Object.fromEntries(names.map((key, index) => [key, each(index)]));
}

/** A holder answers the round under way, and gives that much back. */
function answer(
  recall: Recall,
  ledger: Ledger,
  { key, returned = 0n }: { key: string; returned?: bigint },
): void {
  returnFrom(ledger, key, returned);
  noteReport(recall, { key, returned, number: recall.round?.number });
}

/** What was decided to grant is stored. */
function store(recall: Recall, ledger: Ledger, { serve }: RecallSteps): void {
  for (const { key, need } of serve) grantTo(ledger, key, need);
  const done = serve.map(({ key }) => key);
  served(recall, { tried: done, granted: done });
}

/** One waits since a round that is over, and holds so much; the next round begins for another one. */
function waitsSinceBefore() {
  const { ledger, recall } = waiting({ a: 5n, x: 2n });
  nextSteps(recall, ledger, startMs);
  noteHeard(recall, { key: 'a', number: startMs });
  const laterMs = startMs + roundCountsMs + 1;
  join(recall, waiter('x', 6n, laterMs));
  answer(recall, ledger, { key: 'a' });
  answer(recall, ledger, { key: 'x' });
  nextSteps(recall, ledger, laterMs);
  join(recall, waiter('y', 6n, laterMs));
  return { ledger, recall, laterMs };
}

describe('a round', () => {
  test('is not needed while there is enough for all who wait', () => {
    const { ledger, recall } = waiting({ a: 5n }, { free: 6n });
    expect(nextSteps(recall, ledger, startMs)).toMatchObject({
      notify: [],
      serve: [{ key: 'w' }],
      refused: [],
    });
    expect(recall.round).toBeUndefined();
  });

  test('serves who waits as soon as enough is back, and asks nobody else', () => {
    const { ledger, recall } = waiting({ a: 5n, ...holding(keys(20), () => 1n) }, { free: 1n });
    expect(nextSteps(recall, ledger, startMs).notify[0]).toBe('a');
    answer(recall, ledger, { key: 'a', returned: 5n });
    const steps = nextSteps(recall, ledger, startMs + 1);
    expect(steps).toMatchObject({ notify: [], serve: [{ key: 'w', need: 6n }], refused: [] });
    expect(recall.round).toBeUndefined();
  });

  test('asks those first who hold most, as many as hold twice what is missing', () => {
    const amounts = holding(keys(30), (index) => BigInt(index + 1));
    const { ledger, recall } = waiting(amounts, { need: 100n });
    const { notify } = nextSteps(recall, ledger, startMs);
    // 30 + 29 + … + 23 = 212.
    expect(notify).toEqual(keys(30).toReversed().slice(0, 8));
  });

  test('asks at least eight holders at once, and never one that waits itself', () => {
    const { ledger, recall } = waiting({ w: 9n, ...holding(keys(30), () => 100n) });
    expect(nextSteps(recall, ledger, startMs).notify).toHaveLength(8);
    expect(recall.round?.asked.has('w')).toBe(false);
  });

  test('asks twice as many each time until all were asked', () => {
    const { ledger, recall } = waiting(
      holding(keys(50), () => 10n),
      { need: 6n },
    );
    const batches: number[] = [];
    for (let steps = nextSteps(recall, ledger, startMs); steps.notify.length > 0;) {
      batches.push(steps.notify.length);
      for (const key of steps.notify) answer(recall, ledger, { key });
      steps = nextSteps(recall, ledger, startMs + 1);
    }
    expect(batches).toEqual([8, 16, 26]);
    expect(recall.last).toMatchObject({ asked: 50, silent: 0, returned: 0n, grantable: 0n });
  });

  test('asks more before the last has answered, when those who have to answer hold too little', () => {
    const { ledger, recall } = waiting(
      { a: 5n, ...holding(keys(7), () => 4n), ...holding(keys(9, 'i'), () => 3n) },
      { need: 16n },
    );
    expect(nextSteps(recall, ledger, startMs).notify).toHaveLength(8);
    for (const key of ['a', ...keys(4)]) answer(recall, ledger, { key });
    expect(nextSteps(recall, ledger, startMs).notify).toEqual(keys(9, 'i'));
  });

  test('refuses once all have answered, and says what it found', () => {
    const { ledger, recall } = waiting({ a: 5n, b: 4n }, { free: 1n });
    nextSteps(recall, ledger, startMs);
    answer(recall, ledger, { key: 'a', returned: 3n });
    expect(nextSteps(recall, ledger, startMs + 5).refused).toEqual([]);
    answer(recall, ledger, { key: 'b' });
    const { refused } = nextSteps(recall, ledger, startMs + 10);
    const heard = new Set(['a', 'b', 'w']);
    const round = { number: startMs, beganMs: startMs, asked: 2, silent: 0, returned: 3n, heard };
    expect(refused).toMatchObject([{ waiter: { key: 'w' }, round }]);
    expect(recall.last).toEqual({ ...round, grantable: 4n });
  });

  test('waits for a silent holder for its time and no longer', () => {
    const { ledger, recall } = waiting({ a: 5n, b: 5n });
    const { number } = recall;
    expect(nextSteps(recall, ledger, startMs).wakeAtMs).toBe(startMs + silentAfterMs);
    answer(recall, ledger, { key: 'b' });
    expect(nextSteps(recall, ledger, startMs + silentAfterMs - 1).refused).toEqual([]);
    const { refused } = nextSteps(recall, ledger, startMs + silentAfterMs);
    expect(refused).toMatchObject([{ round: { asked: 2, silent: 1 } }]);
    expect(recall.number).toBeGreaterThan(number);
  });

  test('does not call a holder silent whose answer is being stored', () => {
    const { ledger, recall } = waiting({ a: 5n });
    nextSteps(recall, ledger, startMs);
    noteHeard(recall, { key: 'a', number: startMs });
    const laterMs = startMs + 10 * silentAfterMs;
    expect(nextSteps(recall, ledger, laterMs).refused).toEqual([]);
    noteLost(recall, { key: 'a', nowMs: laterMs });
    expect(nextSteps(recall, ledger, laterMs).wakeAtMs).toBe(laterMs + silentAfterMs);
    expect(nextSteps(recall, ledger, laterMs + silentAfterMs).refused).toMatchObject([
      { round: { silent: 1 } },
    ]);
  });

  test('takes no report for an answer that was made before it was asked', () => {
    const { ledger, recall } = waiting({ a: 5n });
    nextSteps(recall, ledger, startMs);
    noteReport(recall, { key: 'a', returned: 1n, number: startMs - 1 });
    noteReport(recall, { key: 'a', returned: 1n });
    expect(nextSteps(recall, ledger, startMs + 1).refused).toEqual([]);
    expect(recall.round?.returned).toBe(2n);
  });

  test('asks who was silent the last time beside the first, so that nobody waits for them again', () => {
    const names = keys(20);
    const { ledger, recall } = waiting(holding(names, (index) => BigInt(20 - index)));
    const [first] = nextSteps(recall, ledger, startMs).notify;
    expect(first).toBe('h0');
    nextSteps(recall, ledger, startMs + silentAfterMs);
    recall.round = undefined;
    const again = nextSteps(recall, ledger, startMs + 2 * silentAfterMs).notify;
    expect(again).toEqual([...names.slice(8, 16), ...names.slice(0, 8)]);
    noteReport(recall, { key: 'h0', returned: 0n });
    expect(recall.silent.has('h0')).toBe(false);
  });

  test('ends when a clock was set back, and another begins', () => {
    const { ledger, recall } = waiting({ a: 5n });
    nextSteps(recall, ledger, startMs);
    const steps = nextSteps(recall, ledger, startMs - 3_600_000);
    expect(steps).toMatchObject({ notify: ['a'], wakeAtMs: startMs - 3_600_000 + silentAfterMs });
    expect(recall.round?.number).toBe(startMs + 1);
  });
});

describe('those who wait', () => {
  test('are served in order, and a small need does not overtake a larger one', () => {
    const { ledger, recall } = waiting({ a: 5n }, { free: 2n });
    join(recall, waiter('x', 1n));
    const steps = nextSteps(recall, ledger, startMs);
    expect(steps).toMatchObject({ serve: [], notify: ['a'] });
    answer(recall, ledger, { key: 'a', returned: 5n });
    expect(nextSteps(recall, ledger, startMs + 1).serve.map(({ key }) => key)).toEqual(['w', 'x']);
  });

  test('are served by the end of a round as far as it goes', () => {
    const { ledger, recall } = waiting({ a: 5n }, { free: 2n });
    join(recall, waiter('x', 1n));
    join(recall, waiter('y', 2n));
    nextSteps(recall, ledger, startMs);
    answer(recall, ledger, { key: 'a' });
    const steps = nextSteps(recall, ledger, startMs + 1);
    expect(steps.serve.map(({ key }) => key)).toEqual(['x']);
    expect(steps.refused.map((one) => one.waiter.key)).toEqual(['w', 'y']);
    expect(recall.last?.grantable).toBe(1n);
  });

  test('both get what they need when each gave up what the other needs', () => {
    // Either held 5 and needs 6, one is free: both came back, and there is enough for one.
    const ledger = ledgerOf({ a: 0n, b: 0n }, 11n);
    const recall = newRecall();
    join(recall, waiter('a', 6n));
    join(recall, waiter('b', 6n));
    const first = nextSteps(recall, ledger, startMs);
    expect(first.serve.map(({ key }) => key)).toEqual(['a']);
    store(recall, ledger, first);
    const second = nextSteps(recall, ledger, startMs + 1);
    expect(second.notify).toEqual(['a']);
    answer(recall, ledger, { key: 'a', returned: 6n });
    expect(nextSteps(recall, ledger, startMs + 2).serve.map(({ key }) => key)).toEqual(['b']);
  });

  test('are neither refused nor served while grants are being stored', () => {
    const { ledger, recall } = waiting({ a: 1n }, { free: 6n });
    expect(nextSteps(recall, ledger, startMs).serve).toHaveLength(1);
    join(recall, waiter('x', 9n));
    expect(nextSteps(recall, ledger, startMs + 1)).toMatchObject({ notify: ['a'], serve: [] });
    answer(recall, ledger, { key: 'a' });
    expect(nextSteps(recall, ledger, startMs + 2)).toMatchObject({ serve: [], refused: [] });
    served(recall, { tried: ['w'], granted: [] });
    expect(nextSteps(recall, ledger, startMs + 3).serve.map(({ key }) => key)).toEqual(['w']);
  });

  test('have what they need set aside from others', () => {
    const { recall } = waiting({ a: 1n });
    join(recall, waiter('x', 9n));
    expect([setAside(recall, 'w'), setAside(recall, 'x'), setAside(recall, 'a')]).toEqual([9n, 6n, 15n]);
    leave(recall, 'x');
    expect(setAside(recall, 'a')).toBe(6n);
  });

  test('have answered a round by what came back with their ask', () => {
    const { ledger, recall } = waiting({ a: 5n });
    nextSteps(recall, ledger, startMs);
    join(recall, waiter('a', 3n));
    expect(nextSteps(recall, ledger, startMs + 1).refused.map((one) => one.waiter.key)).toEqual(['w', 'a']);
  });

  test('are not refused by a round that began long before they came', () => {
    const { ledger, recall } = waiting({ a: 5n });
    nextSteps(recall, ledger, startMs);
    noteHeard(recall, { key: 'a', number: startMs });
    const laterMs = startMs + roundCountsMs + 1;
    join(recall, waiter('x', 6n, laterMs));
    answer(recall, ledger, { key: 'a' });
    const steps = nextSteps(recall, ledger, laterMs);
    expect(steps.refused.map((one) => one.waiter.key)).toEqual(['w']);
    expect(steps.wakeAtMs).toBe(laterMs);
    expect(nextSteps(recall, ledger, laterMs).notify).toEqual(['a']);
  });

  test('since before a round are asked in it what has become idle', () => {
    const { ledger, recall, laterMs } = waitsSinceBefore();
    expect(nextSteps(recall, ledger, laterMs).notify).toEqual(['a', 'x']);
  });

  test('keep their place when they ask again', () => {
    const { ledger, recall, laterMs } = waitsSinceBefore();
    nextSteps(recall, ledger, laterMs);
    join(recall, waiter('x', 6n, laterMs + 5));
    expect(recall.waiters.map(({ key }) => key)).toEqual(['x', 'y']);
    answer(recall, ledger, { key: 'a', returned: 5n });
    const { refused } = nextSteps(recall, ledger, laterMs + 10);
    expect(refused.map((one) => one.waiter.key)).toEqual(['x', 'y']);
  });
});

describe('what others have stored since a round', () => {
  const refusal = { key: 'x', least: 6n };

  test.each([
    { name: 'bears it out while nobody holds anything who was not heard', given: {}, holds: true },
    { name: 'bears it out while those who were not heard hold too little', given: { c: 4n }, holds: true },
    { name: 'does not once they hold enough with what is left', given: { c: 5n }, holds: false },
  ])('$name', ({ given, holds }) => {
    const { ledger, recall } = waiting({ a: 10n, x: 0n }, { free: 1n });
    nextSteps(recall, ledger, startMs);
    answer(recall, ledger, { key: 'a' });
    const round = nextSteps(recall, ledger, startMs + 20).refused[0]?.round;
    if (!round) throw new Error('nobody was refused');
    const others = ledgerOf({ a: 10n, ...given }, 1n);
    expect(bearsOut(recall, others, { ...refusal, round })).toBe(holds);
    expect(recall.last === undefined).toBe(!holds);
  });
});

describe('right after a round', () => {
  /** A round that left one CU of eleven. */
  function ended() {
    const { ledger, recall } = waiting({ a: 10n }, { free: 1n });
    nextSteps(recall, ledger, startMs);
    answer(recall, ledger, { key: 'a' });
    nextSteps(recall, ledger, startMs + 20);
    return { ledger, recall };
  }
  const ask = { key: 'x', need: 2n, least: 2n };
  const heard = new Set(['a', 'w']);

  test.each([
    { name: 'more than it left is refused by it', given: { nowMs: startMs + 500 }, refused: true },
    { name: 'what it left is not', given: { nowMs: startMs + 500, need: 1n, least: 1n }, refused: false },
    {
      name: 'a second after it began it counts no more',
      given: { nowMs: startMs + roundCountsMs },
      refused: false,
    },
    {
      name: 'a clock that was set back makes it count no more',
      given: { nowMs: startMs - 1 },
      refused: false,
    },
  ])('$name', ({ given, refused }) => {
    const { ledger, recall } = ended();
    const round = refusedAtOnce(recall, ledger, { ...ask, ...given });
    expect(round).toEqual(
      refused ? { number: startMs, beganMs: startMs, asked: 1, silent: 0, returned: 0n, heard } : undefined,
    );
  });

  test('it counts no more once there is more', () => {
    const { ledger, recall } = ended();
    setCap(ledger, ledger.cap + 1n);
    expect(refusedAtOnce(recall, ledger, { ...ask, nowMs: startMs + 500 })).toBeUndefined();
  });

  test('it counts although there is more, if that is for those who wait', () => {
    const { ledger, recall } = ended();
    setCap(ledger, ledger.cap + 1n);
    join(recall, waiter('y', 2n));
    expect(refusedAtOnce(recall, ledger, { ...ask, nowMs: startMs + 500 })).toBeDefined();
  });
});

test.each([
  { name: 'would not be enough', least: 12n, asked: 0 },
  { name: 'might be enough', least: 11n, asked: undefined },
])('nobody is asked when all that others hold $name', ({ least, asked }) => {
  const { ledger, recall } = waiting({ a: 10n, x: 3n }, { free: 1n });
  const round = refusedAtOnce(recall, ledger, { key: 'x', need: 100n, least, nowMs: startMs });
  expect(round?.asked).toBe(asked);
});

describe('while more is out than the cap allows', () => {
  test('holders are asked without anybody waiting, again and again at a bounded rate', () => {
    const ledger = ledgerOf({ a: 5n, b: 2n }, -6n);
    const recall = newRecall();
    expect(nextSteps(recall, ledger, startMs).notify).toEqual(['a', 'b']);
    answer(recall, ledger, { key: 'a', returned: 3n });
    answer(recall, ledger, { key: 'b' });
    const { wakeAtMs = 0 } = nextSteps(recall, ledger, startMs + 5);
    expect(wakeAtMs).toBe(startMs + 2000);
    expect(nextSteps(recall, ledger, wakeAtMs - 1)).toMatchObject({ notify: [], wakeAtMs });
    expect(nextSteps(recall, ledger, wakeAtMs).notify).toEqual(['a', 'b']);
  });

  test('nobody is asked once nothing could come back', () => {
    const ledger = ledgerOf({ a: 0n }, -6n);
    expect(nextSteps(newRecall(), ledger, startMs)).toMatchObject({ notify: [], wakeAtMs: undefined });
  });
});
