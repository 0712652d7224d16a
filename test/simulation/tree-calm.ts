import type { NanoCu } from '../../accounting/amount.ts';
import { idle } from '../../accounting/lease.ts';
import type { Ledger, LedgerRow } from '../../accounting/ledger.ts';
import { available, isLedgerKey } from '../../accounting/ledger.ts';
import type { Version } from './api-server.ts';
import type { Budget } from './family.ts';
import type { Holder } from './holder.ts';
import type { Pod } from './pod.ts';
import { podSteps } from './pod-steps.ts';
import { arriveAll, quiet, transmit } from './quiet.ts';
import { aboveOf, idleAbove, promisedToOthers, rowAbove } from './tree-check.ts';
import { reachOf } from './tree-reach.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

const nothing = { a: 0, b: 0, c: 0 };
/** All of this takes less time than that. */
const calmMs = 600_000;
/** A sidecar gives a call up after so long (ms), and asks once more. */
const patienceMs = 5000;
const maxAsks = 3;

/** A pod that can ask, and its lease of the current ledger. */
interface Asker {
  readonly pod: Pod;
  readonly holder: Holder;
}

/** While nothing fails: shares are sized by weight, and a pod gets all that others anywhere in the tree do not use. */
export async function checkCalm(world: World): Promise<void> {
  if (world.nowMs + calmMs > world.period.endMs) return;
  const askers = world.present.flatMap((pod) => askerOf(world, pod) ?? []);
  for (const budget of world.root.below) await checkShare(world, budget, askers);
  for (const asker of askers) await takeSome(world, asker);
  for (const budget of world.family) {
    const asker = askers.find(({ pod }) => pod.budget === budget);
    if (asker && isWhole(world, budget)) await checkRecall(world, asker, askers);
  }
  for (const { holder } of askers) holder.giveBack(idle(holder.lease));
}

function askerOf(world: World, pod: Pod): Asker | undefined {
  const current = world.currentOf(pod.budget)?.uid;
  const holder = current === undefined ? undefined : pod.process?.holders.get(current);
  const usable = holder?.phase === 'open' && !holder.pending && pod.process?.current === current;
  return usable ? { pod, holder } : undefined;
}

/** An idle lease, so that there is something to recall. */
async function takeSome(world: World, { pod, holder }: Asker): Promise<void> {
  const some = reachOf(world, pod) / 8n;
  if (some <= 0n || !holder.report({ ask: { need: some, want: some * 2n } })) return;
  transmit(world, pod, holder);
  await quiet(world);
}

/** What a budget gets beyond what it needs is its share by weight. */
async function checkShare(world: World, budget: Budget, askers: readonly Asker[]): Promise<void> {
  const asker = askers.find(({ pod }) => pod.budget === budget);
  const below = world.api.byUid(asker?.holder.ledgerUid ?? '');
  const above = below && aboveOf(world, below);
  const row = above && rowAbove(above.ledger, below);
  if (!asker || !row) return;
  const share = shareByWeight(world, above.ledger, row);
  const missing = share / 4n + 1n;
  const need = idleAbove(below) + missing;
  if (available(below.ledger) - promisedToOthers(below.ledger, '') < need + 2n * share) return;
  asker.holder.report({ ask: { need, want: need } });
  await answered(world, asker, []);
  const got = grantedTo(world, above, below) - row.granted;
  const most = share > missing ? share : missing;
  hold('shares go by weight', got <= most, () => `${budget.key} got ${got}, its share was ${share}`);
}

function grantedTo(world: World, above: Version, below: Version): NanoCu {
  const now = world.api.byUid(above.uid);
  return (now && rowAbove(now.ledger, below)?.granted) ?? 0n;
}

/** Half of what is left, divided among namespaces by weight, and in a namespace alike. */
function shareByWeight(world: World, ledger: Ledger, row: LedgerRow): NanoCu {
  const live = [...ledger.rows.values()].filter(
    (one) => one === row || (one.state === 'open' && one.expires * 1000 >= world.nowMs),
  );
  const spaces = new Set(live.map(spaceOf));
  const all = [...spaces].reduce((sum, space) => sum + weightOf(world, space), 0n);
  const alike = BigInt(live.filter((one) => spaceOf(one) === spaceOf(row)).length);
  const left = available(ledger) - promisedToOthers(ledger, isLedgerKey(row.key) ? row.name : '');
  return left > 0n ? (left * weightOf(world, spaceOf(row))) / (2n * all * alike) : 0n;
}

function spaceOf({ name }: LedgerRow): string {
  return name.split('/')[0] ?? '';
}

/** As much as the heaviest budget there is right below the root. */
function weightOf({ root }: World, namespace: string): bigint {
  const weights = root.below.map(({ ref, plan }) => (ref.namespace === namespace ? plan.weight : 1));
  return BigInt(Math.max(...weights));
}

/** Whether all ledgers from this one up are what they always were: one below a ledger that was lost gets nothing. */
function isWhole(world: World, { path }: Budget): boolean {
  return path.every((budget) => !world.wentBack.has(world.currentOf(budget)?.uid ?? ''));
}

/** One pod waits for all that it could have; whoever is asked for what it does not use gives that back at once. */
async function checkRecall(world: World, asker: Asker, askers: readonly Asker[]): Promise<void> {
  const { pod, holder } = asker;
  world.askedAtMs.clear();
  const before = holder.lease.granted;
  holder.giveBack(idle(holder.lease));
  const need = reachOf(world, pod);
  if (need <= 0n) return;
  for (let asks = 0; asks < maxAsks && holder.lease.granted === before; asks += 1) {
    holder.report({ ask: { need, want: need, least: need } });
    await answered(world, asker, askers);
  }
  const got = holder.lease.granted - before;
  hold(
    'no refusal while there is enough',
    got >= need,
    () => `${pod.key} of ${pod.budget.key}: ${need} could be had, ${got} granted, and nothing fails`,
  );
  await quiet(world);
}

async function answered(world: World, { pod, holder }: Asker, askers: readonly Asker[]): Promise<void> {
  const untilMs = world.nowMs + patienceMs;
  transmit(world, pod, holder);
  while (holder.pending && world.nowMs < untilMs) {
    for (const other of askers) heed(world, other);
    await arriveAll(world);
    world.tick();
    await world.settle();
  }
}

function heed(world: World, { pod, holder }: Asker): void {
  if (podSteps.heedRecall(world, pod, nothing)) transmit(world, pod, holder);
}
