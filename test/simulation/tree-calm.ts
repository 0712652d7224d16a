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
  // A release that was taken back is an overrun at each level above, and what then is left for whom is not known here.
  if (world.revoked.size === 0) await checkReach(world, askers);
  for (const { holder } of askers) holder.giveBack(idle(holder.lease));
}

async function checkReach(world: World, askers: readonly Asker[]): Promise<void> {
  for (const asker of askers) await takeSome(world, asker);
  for (const budget of world.family) {
    const asker = askers.find(({ pod }) => pod.budget === budget);
    if (asker && isWhole(world, budget)) await checkRecall(world, asker, askers);
  }
  await checkTwo(world, askers);
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
  await answered(world, [asker], []);
  const now = aboveOf(world, below) ?? above;
  const got = grantedIn(now.ledger, below) - row.granted;
  // Others may have given something back meanwhile.
  const later = shareByWeight(world, now.ledger, row, got);
  const holds = [share, later, missing].some((most) => got <= most);
  hold('shares go by weight', holds, () => `${budget.key} got ${got}, its share was ${share}`);
}

function grantedIn(above: Ledger, below: Version): NanoCu {
  return rowAbove(above, below)?.granted ?? 0n;
}

/** Half of what is left (with what it had not got `before`), divided among namespaces by weight, and in a namespace alike. */
function shareByWeight(world: World, ledger: Ledger, row: LedgerRow, before: NanoCu = 0n): NanoCu {
  const live = [...ledger.rows.values()].filter(
    (one) => one.key === row.key || (one.state === 'open' && one.expires * 1000 >= world.nowMs),
  );
  const spaces = new Set(live.map(spaceOf));
  const all = [...spaces].reduce((sum, space) => sum + weightOf(world, space), 0n);
  const alike = BigInt(live.filter((one) => spaceOf(one) === spaceOf(row)).length);
  const left = available(ledger) + before - promisedToOthers(ledger, isLedgerKey(row.key) ? row.name : '');
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
  const need = await waitForAll(world, [asker], askers);
  hold(
    'no refusal while there is enough',
    need === undefined,
    () => `${asker.pod.key} of ${asker.pod.budget.key}: ${need} could be had, and nothing fails`,
  );
}

/** Two pods of different budgets wait, each for what the other one's budget has, too: one of them gets it. */
async function checkTwo(world: World, askers: readonly Asker[]): Promise<void> {
  const [one, ...others] = askers.filter(
    ({ pod: { budget } }) => budget !== world.root && isWhole(world, budget),
  );
  const other = others.find(
    ({ pod }) => !pod.budget.path.some((budget) => one?.pod.budget.path[0] === budget),
  );
  if (!one || !other) return;
  // Where nobody else has anything, both ask above in the same moment.
  for (const { pod, holder } of askers)
    if (holder.giveBack(idle(holder.lease)) && holder.report()) transmit(world, pod, holder);
  await quiet(world);
  for (const asker of [one, other]) await takeSome(world, asker);
  const need = await waitForAll(world, [one, other], askers);
  hold(
    'no refusal while there is enough',
    need === undefined,
    () => `${one.pod.key} and ${other.pod.key} both wait: ${need} could be had, and neither gets it`,
  );
}

/** These wait at once, each for all that it could have. Undefined: one of them got it; else what the first one wanted. */
async function waitForAll(
  world: World,
  waiting: readonly Asker[],
  askers: readonly Asker[],
): Promise<NanoCu | undefined> {
  world.askedAtMs.clear();
  for (const { holder } of waiting) holder.giveBack(idle(holder.lease));
  const wants = waiting.map((asker) => ({
    ...asker,
    need: reachOf(world, asker.pod),
    before: asker.holder.lease.granted,
  }));
  const able = wants.filter(({ need }) => need > 0n);
  const isServed = (): boolean => able.some(({ holder, before }) => holder.lease.granted > before);
  if (able.length === 0) return undefined;
  for (let asks = 0; asks < maxAsks && !isServed(); asks += 1) {
    for (const { holder, need } of able) holder.report({ ask: { need, want: need, least: need } });
    await answered(world, able, askers);
  }
  const served = isServed();
  await quiet(world);
  return served ? undefined : able[0]?.need;
}

/** Their messages are answered, or given up. */
async function answered(world: World, waiting: readonly Asker[], askers: readonly Asker[]): Promise<void> {
  const untilMs = world.nowMs + patienceMs;
  for (const { pod, holder } of waiting) transmit(world, pod, holder);
  while (waiting.some(({ holder }) => holder.pending) && world.nowMs < untilMs) {
    for (const other of askers) heed(world, other);
    await arriveAll(world);
    world.tick();
    await world.settle();
  }
}

function heed(world: World, { pod, holder }: Asker): void {
  if (podSteps.heedRecall(world, pod, nothing)) transmit(world, pod, holder);
}
