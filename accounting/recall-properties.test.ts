import { array, assert, bigInt, boolean, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { type Ledger, available } from './ledger.ts';
import { type RecallSteps, nextSteps } from './recall-steps.ts';
import {
  type Recall,
  join,
  newRecall,
  noteHeard,
  noteReport,
  refusedAtOnce,
  roundCountsMs,
  served,
  setAside,
} from './recall.ts';
import { grantTo, ledgerOf, returnFrom } from './recall-scene.ts';

interface Holder {
  idle: bigint;
  reserved: bigint;
  silent: boolean;
  delayMs: number;
  storingMs: number;
}

const holder = record({
  idle: bigInt(0n, 50n),
  reserved: bigInt(0n, 50n),
  silent: boolean(),
  /** How long its answer takes to arrive, and then to be stored. */
  delayMs: nat(300),
  storingMs: nat(600),
});
const request = record({ need: bigInt(1n, 300n), atMs: nat(3000), storingMs: nat(50) });
const scenario = record({
  holders: array(holder, { maxLength: 60 }),
  requests: array(request, { minLength: 1, maxLength: 8 }),
  free: bigInt(-20n, 100n),
});

/** Holders that answer or not, requests that come, and a machine between them; time is a queue of events. */
class Game {
  readonly ledger: Ledger;
  readonly recall: Recall = newRecall();
  readonly holders: Map<string, Holder>;
  readonly refused: { key: string; need: bigint; left: bigint; idle: bigint; ageMs: number }[] = [];
  readonly served: string[] = [];
  readonly rounds = new Set<number>();
  nowMs = 1_000_000;
  #events: { atMs: number; run: () => void }[] = [];

  constructor({ holders, requests, free }: { holders: Holder[]; requests: Request[]; free: bigint }) {
    this.holders = new Map(holders.map((one, index) => [`h${index}`, { ...one }]));
    const waiters = Object.fromEntries(requests.map((_, index) => [`w${index}`, 0n]));
    const amounts = Object.fromEntries([...this.holders].map(([key, one]) => [key, one.idle + one.reserved]));
    this.ledger = ledgerOf({ ...amounts, ...waiters }, free);
    requests.forEach((one, index) => this.#at(one.atMs, () => this.#arrive(`w${index}`, one)));
  }

  run(): void {
    for (let steps = 0; this.#events.length > 0; steps += 1) {
      if (steps > 5000) throw new Error('the rounds do not end');
      this.#events.sort((a, b) => a.atMs - b.atMs);
      const event = this.#events.shift();
      this.nowMs = Math.max(this.nowMs, event?.atMs ?? 0);
      event?.run();
      // Nobody waits: what is left to do is to go on asking because more is out than the cap allows.
      if (this.recall.waiters.length === 0 && this.#events.length === 0) return;
    }
  }

  #at(inMs: number, run: () => void): void {
    this.#events.push({ atMs: this.nowMs + inMs, run });
  }

  #arrive(key: string, { need, storingMs }: Request): void {
    const ask = { key, need, least: 1n, nowMs: this.nowMs };
    const round = refusedAtOnce(this.recall, this.ledger, ask);
    if (round) this.#refuse({ key, need, sinceMs: this.nowMs, beganMs: round.beganMs });
    else join(this.recall, { key, incarnation: 1, seq: 1, granted: 0n, need, sinceMs: this.nowMs });
    this.#look(storingMs);
  }

  #look(storingMs = 5): void {
    const steps = nextSteps(this.recall, this.ledger, this.nowMs);
    for (const key of steps.notify) this.#ask(key, this.recall.round?.number ?? 0);
    for (const { waiter, round } of steps.refused) this.#refuse({ ...waiter, beganMs: round.beganMs });
    if (steps.serve.length > 0) this.#at(storingMs, () => this.#store(steps));
    const { wakeAtMs } = steps;
    if (wakeAtMs !== undefined && this.recall.waiters.length > 0)
      this.#at(Math.max(0, wakeAtMs - this.nowMs), () => this.#look());
  }

  #store({ serve }: RecallSteps): void {
    for (const { key, need } of serve) grantTo(this.ledger, key, need);
    if (available(this.ledger) < 0n) throw new Error('more was granted than there is');
    const keys = serve.map(({ key }) => key);
    this.served.push(...keys);
    served(this.recall, { tried: keys, granted: keys });
    // What was granted is reserved at once.
    this.#look();
  }

  #ask(key: string, number: number): void {
    this.rounds.add(number);
    const one = this.holders.get(key);
    if (!one || one.silent) return;
    this.#at(one.delayMs, () => {
      noteHeard(this.recall, { key, number });
      this.#at(one.storingMs, () => this.#answer(key, number));
    });
  }

  #answer(key: string, number: number): void {
    const one = this.holders.get(key);
    if (!one) return;
    returnFrom(this.ledger, key, one.idle);
    noteReport(this.recall, { key, returned: one.idle, number });
    one.idle = 0n;
    this.#look();
  }

  #refuse({
    key,
    need,
    sinceMs,
    beganMs,
  }: {
    key: string;
    need: bigint;
    sinceMs: number;
    beganMs: number;
  }): void {
    const able = [...this.holders.values()].filter(({ silent }) => !silent);
    const idle = able.reduce((sum, one) => sum + one.idle, 0n);
    this.refused.push({
      key,
      need,
      left: available(this.ledger) - setAside(this.recall, key),
      idle,
      ageMs: sinceMs - beganMs,
    });
  }
}
type Request = { need: bigint; atMs: number; storingMs: number };

test('nobody is refused while a holder that answers has what would be enough', () => {
  const rule = property(scenario, (given) => {
    const game = new Game(given);
    game.run();
    expect(game.recall.waiters).toEqual([]);
    expect(game.served.length + game.refused.length).toBe(given.requests.length);
    for (const { need, left, idle, ageMs } of game.refused) {
      expect(left + idle).toBeLessThan(need);
      expect(ageMs).toBeLessThanOrEqual(roundCountsMs);
    }
  });
  assert(rule, { numRuns: 500 });
});

test('all are served when what is free and what comes back is enough for all', () => {
  const enough = scenario.filter(({ holders, requests, free }) => {
    const needed = requests.reduce((sum, { need }) => sum + need, 0n);
    return holders.reduce((sum, { silent, idle }) => sum + (silent ? 0n : idle), free) >= needed;
  });
  const rule = property(enough, (given) => {
    const game = new Game(given);
    game.run();
    expect(game.refused).toEqual([]);
  });
  assert(rule, { numRuns: 300 });
});
