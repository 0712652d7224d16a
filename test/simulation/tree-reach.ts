import type { NanoCu } from '../../accounting/amount.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { available, isLedgerKey, ledgerKey } from '../../accounting/ledger.ts';
import type { Ask } from '../../accounting/messages.ts';
import { budgetKey } from '../../operator/configuration/budget-ref.ts';
import type { Version } from './api-server.ts';
import type { Pod } from './pod.ts';
import { idleOf } from './pod.ts';
import { aboveOf, idleAbove, promisedToOthers, undrawnOf } from './tree-check.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** A refusal may go by a round that began so long before the request came. */
const roundCountsMs = 1000;
/** Who was asked within that time has answered, or was silent. */
const askedMs = 4000;
/** How often the world looks what each pod could have. */
const sampleMs = 150;

/** What each pod of a tree could have had at any time since a round that may refuse it began. */
export class ReachWatch {
  readonly #samples: { atMs: number; reach: ReadonlyMap<Pod, NanoCu> }[] = [];
  readonly #waiting = new Map<Ask, { pod: Pod; low: NanoCu }>();

  /** An ask of a request that waits reaches an operator for the first time. */
  noteArrived(world: World, pod: Pod, ask: Ask): void {
    const since = world.nowMs - roundCountsMs;
    const from = this.#samples.findLastIndex(({ atMs }) => atMs <= since);
    const known = this.#samples.slice(Math.max(0, from)).map(({ reach }) => reach.get(pod) ?? 0n);
    this.#waiting.set(ask, { pod, low: least([reachOf(world, pod), ...known]) });
  }

  /** Something may have changed. */
  look(world: World): void {
    for (const [ask, waiting] of this.#waiting) {
      if (!isPending(waiting.pod, ask)) this.#waiting.delete(ask);
      else waiting.low = least([waiting.low, reachOf(world, waiting.pod)]);
    }
    const last = this.#samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    if (world.nowMs - last < sampleMs) return;
    const reach = new Map(world.present.map((pod) => [pod, reachOf(world, pod)]));
    this.#samples.push({ atMs: world.nowMs, reach });
    if (this.#samples.length > (2 * roundCountsMs) / sampleMs) this.#samples.shift();
  }

  /** The ask was refused after a round. */
  checkRefused(world: World, ask: Ask): void {
    const waited = this.#waiting.get(ask);
    this.#waiting.delete(ask);
    if (!waited || isExcused(world, waited.pod)) return;
    const { pod, low } = waited;
    hold(
      'no refusal while there is enough',
      low < ask.need,
      () => `${pod.key} of ${pod.budget.key}: ${ask.need} wanted, at least ${low} could be had all the time`,
    );
  }
}

function isPending({ process }: Pod, ask: Ask): boolean {
  for (const { pending } of process?.holders.values() ?? [])
    if (pending?.kind === 'report' && pending.ask === ask) return true;
  return false;
}

/** Where a budget was found deleted, or a ledger is not what it was, refusals say nothing of rounds. */
function isExcused(world: World, { budget, process }: Pod): boolean {
  const version = world.api.byUid(process?.current ?? '');
  if (world.staleReads || version?.ledger.period.name !== world.period.name) return true;
  return budget.path.some(
    (one) => one.retiredBy.size > 0 || world.wentBack.has(world.currentOf(one)?.uid ?? ''),
  );
}

/**
 * The most that a pod could be granted: at each level what the cap leaves, but for what is promised to others, and what
 * holders have idle who were not asked for it lately; less what others wait for.
 */
export function reachOf(world: World, pod: Pod): NanoCu {
  const start = world.api.byUid(pod.process?.current ?? '');
  if (!start) return 0n;
  const levels: NanoCu[] = [];
  let free = surrendered(pod, start);
  let [name, asked] = ['', pod.key];
  for (let at: Version | undefined = start; at; at = aboveOf(world, at)) {
    free += freeIn(world, at, asked);
    levels.push(available(at.ledger) - promisedToOthers(at.ledger, name) + free);
    // Below zero where what evidence denied was taken back after it had been returned: that has to be filled up first.
    free += idleAbove(at);
    [name, asked] = [budgetKey(at.ledger.budget), ledgerKey(at.uid)];
  }
  return least(levels) - wantedByOthers(world, pod);
}

/** What it has given back with its ask, and its ledger has not booked yet. */
function surrendered({ key, process }: Pod, { uid, ledger }: Version): NanoCu {
  const row = ledger.rows.get(key);
  const holder = process?.holders.get(uid);
  return row && holder && row.state === 'open' ? holder.lease.returned - row.returned : 0n;
}

/** What holders of a ledger have idle, and those below them, but for that one. */
function freeIn(world: World, { uid, ledger }: Version, but: string): NanoCu {
  let sum = 0n;
  for (const { key, name, state } of ledger.rows.values()) {
    if (key === but || state !== 'open' || wasAsked(world, key)) continue;
    if (isLedgerKey(key)) sum += beyondPromise(ledger, name, freeBelow(world, key));
    else sum += idleOfPod(world, key, uid);
  }
  return sum;
}

/** What a budget gives back within what it was promised is set aside for it again. */
function beyondPromise(ledger: Ledger, name: string, free: NanoCu): NanoCu {
  const again = undrawnOf(ledger, name, free) - undrawnOf(ledger, name);
  return free > again ? free - again : 0n;
}

function freeBelow(world: World, key: string): NanoCu {
  const below = world.api.byUid(key.slice(ledgerKey('').length));
  if (!below) return 0n;
  const free = idleAbove(below) + freeIn(world, below, '');
  return free > 0n ? free : 0n;
}

function idleOfPod(world: World, key: string, uid: string): NanoCu {
  const pod = world.podOf(key);
  return pod?.process?.current === uid ? idleOf(pod, world.nowMs) : 0n;
}

function wasAsked(world: World, key: string): boolean {
  return world.nowMs - (world.askedAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < askedMs;
}

function wantedByOthers(world: World, but: Pod): NanoCu {
  let sum = 0n;
  for (const pod of world.present)
    for (const { pending } of pod === but ? [] : (pod.process?.holders.values() ?? []))
      if (pending?.kind === 'report') sum += pending.ask?.need ?? 0n;
  return sum;
}

function least(amounts: readonly NanoCu[]): NanoCu {
  return amounts.reduce((a, b) => (a < b ? a : b));
}
