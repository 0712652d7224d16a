import type { NanoCu } from '../../accounting/amount.ts';
import { unused } from '../../accounting/ledger.ts';
import type { BudgetRef } from '../../operator/configuration/budget-ref.ts';
import { budgetKey } from '../../operator/configuration/budget-ref.ts';
import type { Pod } from './pod.ts';
import { idleByLedger } from './pod.ts';
import type { Replica } from './replica.ts';
import type { World } from './world.ts';

/** Who was asked has so long (ms) to answer: as docs/leases.md says, whatever the product thinks. */
const patienceMs = 400;
/** What began longer ago is not watched any more: no operator refuses by it. */
const watchedMs = 20_000;

/** Who was asked since a moment, and what everybody has had idle at all times since. */
export class RoundWatch {
  readonly beganMs: number;
  readonly #replica: Replica;
  readonly #jumps: number;
  readonly #asked = new Map<string, { sinceMs: number; answered: boolean }>();
  /** By pod and ledger: the least there was. */
  readonly #lowest = new Map<string, Map<string, NanoCu>>();

  constructor(world: World, replica: Replica) {
    this.beganMs = world.nowMs;
    this.#replica = replica;
    this.#jumps = replica.clockJumps;
    for (const pod of world.present) {
      const idle = idleByLedger(pod, world.nowMs);
      if (idle.size > 0) this.#lowest.set(pod.key, idle);
    }
  }

  /** Whether the operator's clock has jumped since: then other times have passed for it. */
  get isDistorted(): boolean {
    return this.#replica.clockJumps !== this.#jumps;
  }

  /** These are told of the round. */
  ask(keys: readonly string[], nowMs: number): void {
    for (const key of keys)
      if (!this.#asked.has(key)) this.#asked.set(key, { sinceMs: nowMs, answered: false });
  }

  /** It has told what it gives back. */
  noteAnswer(key: string): void {
    const asked = this.#asked.get(key);
    if (asked) asked.answered = true;
  }

  /** What a pod has idle may be less now. */
  look(pod: Pod, nowMs: number): void {
    const lowest = this.#lowest.get(pod.key);
    if (!lowest) return;
    const idle = idleByLedger(pod, nowMs);
    for (const [uid, amount] of lowest) {
      const now = idle.get(uid) ?? 0n;
      if (now < amount) lowest.set(uid, now);
    }
  }

  /** What others have had idle of a ledger all the time, who were not asked, or not given the time to answer. */
  couldBeHad(world: World, uid: string, except: Pod): NanoCu {
    let sum = 0n;
    for (const [key, lowest] of this.#lowest) {
      // Of two processes that spend one lease nobody knows what it has idle.
      if (key === except.key || world.podOf(key)?.accountOf(uid).twice) continue;
      if (this.#hadItsChance(world, key, uid)) continue;
      const [idle, known] = [lowest.get(uid) ?? 0n, knownUnused(world, key, uid)];
      sum += idle < known ? idle : known;
    }
    return sum;
  }

  #hadItsChance({ cameMs, nowMs }: World, key: string, uid: string): boolean {
    if ((cameMs.get(`${key} ${uid}`) ?? 0) >= this.beganMs) return true;
    const asked = this.#asked.get(key);
    return asked !== undefined && (asked.answered || nowMs - asked.sinceMs >= patienceMs);
  }
}

/**
 * What a ledger knows to be outstanding. What it has as held is not idle to it: an unknown cost that has become known and is
 * not told yet, and the lease of one whom an operator takes for silent, rightly or by a clock that is wrong.
 */
function knownUnused({ api }: World, key: string, uid: string): NanoCu {
  const row = api.byUid(uid)?.ledger.rows.get(key);
  return row?.state === 'open' ? unused(row) : 0n;
}

/** What tells a round of a budget's ledger from others of the same replica. */
export function keyOfRound(budget: BudgetRef, number: number): string {
  return `${budgetKey(budget)} ${number}`;
}

/** The same for the budget of a pod. */
export function roundKey({ budget }: Pod, number: number): string {
  return keyOfRound(budget.ref, number);
}

/** The moments from which on somebody may be refused. */
export class RoundWatches {
  #watches: RoundWatch[] = [];
  readonly #rounds = new Map<Replica, Map<string, RoundWatch>>();

  /** Watches from now on. */
  begin(world: World, replica: Replica): RoundWatch {
    const watch = new RoundWatch(world, replica);
    this.#watches.push(watch);
    return watch;
  }

  /** The watch of a replica's round, that has just begun if it is not known yet. */
  ofRound(world: World, replica: Replica, key: string): RoundWatch {
    const rounds = this.#rounds.get(replica) ?? new Map<string, RoundWatch>();
    const watch = rounds.get(key) ?? this.begin(world, replica);
    this.#rounds.set(replica, rounds.set(key, watch));
    return watch;
  }

  /** The watch of a round in which somebody was asked. */
  find(replica: Replica, key: string): RoundWatch | undefined {
    return this.#rounds.get(replica)?.get(key);
  }

  /** What a pod has idle may have changed. */
  look(pod: Pod, nowMs: number): void {
    for (const watch of this.#watches) watch.look(pod, nowMs);
  }

  /** Whether it is watched: not one that is too long ago. */
  has(watch: RoundWatch, nowMs: number): boolean {
    return nowMs - watch.beganMs < watchedMs;
  }

  /** Forgets what is too long ago. */
  prune(nowMs: number): void {
    if (this.#watches.every((watch) => this.has(watch, nowMs))) return;
    this.#watches = this.#watches.filter((watch) => this.has(watch, nowMs));
    for (const rounds of this.#rounds.values())
      for (const [key, watch] of rounds) if (!this.has(watch, nowMs)) rounds.delete(key);
  }
}
