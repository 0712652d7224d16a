import { idle } from '../../accounting/lease.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import { available, unused } from '../../accounting/ledger.ts';
import type { Holder } from './holder.ts';
import { operatorSteps } from './operator-steps.ts';
import type { Pod, Process } from './pod.ts';
import { podSteps } from './pod-steps.ts';
import { checkEnd, checkTold } from './end-check.ts';
import { quiet, transmit } from './quiet.ts';
import { leaseSeconds } from './replica.ts';
import { checkCalm } from './tree-calm.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

const nothing = { a: 0, b: 0, c: 0 };
/** So often at most everybody is given the chance to tell; each time some of it gets further. */
const maxRounds = 12;
/** Longer than SAP's last token and its longest request. */
const fenceMs = 2.5 * 3_600_000;
/** Longer than a ledger keeps what it does not use of the one above. */
const idleMs = 70_000;

/** Lets everything heal: all run, all messages arrive, all costs are told; then the books must agree. */
export async function heal(world: World): Promise<void> {
  mendOperators(world);
  for (const pod of world.pods) mendPod(world, pod);
  await tellAll(world);
  checkTold(world);
  await (world.family.length === 1 ? comesBack(world) : calm(world));
  // What silent pods had is held by then, and no token of theirs lives any more.
  world.advance(leaseSeconds * 1000 + fenceMs);
  await quiet(world);
  await expireAll(world);
  await releaseAll(world);
  await goUp(world);
  checkEnd(world);
}

function mendOperators(world: World): void {
  operatorSteps.mendPages(world, nothing);
  for (const budget of world.family) budget.limit = budget.plan.limit;
  if (world.wentBack.size > 0) operatorSteps.approve(world, nothing);
  world.replicas.forEach((replica, a) => {
    replica.clockErrorMs = 0;
    operatorSteps.resumeReplica(world, { ...nothing, a });
    operatorSteps.startReplica(world, { ...nothing, a });
    operatorSteps.learnLimit(world, { ...nothing, a });
    replica.term = 0;
  });
  operatorSteps.elect(world, nothing);
}

async function calm(world: World): Promise<void> {
  await checkCalm(world);
  await tellAll(world);
}

/** What is told and given back goes up level by level, and what nobody used for a while goes back. */
async function goUp(world: World): Promise<void> {
  for (let level = 1; level < 2 * levelsOf(world); level += 1) {
    world.advance(idleMs);
    await quiet(world);
  }
}

function levelsOf({ family }: World): number {
  return Math.max(...family.map(({ path }) => path.length));
}

/** Also ledgers of former periods that no operator has looked at since it started. */
async function expireAll(world: World): Promise<void> {
  for (const name of world.api.names) {
    const uid = world.api.latest(name)?.uid ?? '';
    world.replicas[0]?.withAccount(uid, (account) => account.expire(world.nowMs, { maxAgeMs: 0 }));
    await quiet(world);
  }
}

function mendPod(world: World, pod: Pod): void {
  if (pod.gone) return;
  podSteps.resume(world, pod, nothing);
  if (pod.processes.length > 1) podSteps.crash(world, pod, nothing);
  podSteps.start(world, pod, nothing);
  // Whatever it was told last, it tells once more: what it was granted meanwhile it learns so.
  for (const holder of pod.process?.holders.values() ?? []) holder.changed = true;
}

/** Until nobody has anything to tell. */
async function tellAll(world: World): Promise<void> {
  for (let round = 0; round < maxRounds; round += 1) {
    await reconcileAll(world);
    let busy = false;
    for (const pod of world.pods) if (tell(world, pod)) busy = true;
    if (!busy) return;
    await quiet(world);
  }
}

/** Each budget after the one above it. */
async function reconcileAll(world: World): Promise<void> {
  for (const b of world.family.keys()) {
    world.replicas.forEach((_, a) => operatorSteps.reconcile(world, { ...nothing, a, b }));
    await quiet(world);
  }
}

/** What a process can tell now; false: all is told. */
function tell(world: World, pod: Pod): boolean {
  const { process } = pod;
  if (!process) return false;
  podSteps.configure(world, pod, nothing);
  finishRequests(world, pod, process);
  let busy = false;
  for (const [index, holder] of [...process.holders.values()].entries()) {
    if (holder.isUntouched && holder.ledgerUid !== process.current) continue;
    if (!holder.pending) holder.giveBack(idle(holder.lease));
    world.touch(pod, holder.ledgerUid);
    if (holder.owesMessage) podSteps.renew(world, pod, { ...nothing, a: index });
    if (transmit(world, pod, holder)) busy = true;
  }
  return busy;
}

/** Those under way end with their cost known; those that were never sent cost nothing. */
function finishRequests(world: World, pod: Pod, process: Process): void {
  for (const open of process.unsent.splice(0)) process.underWay.push(open);
  while (process.underWay.length > 0) podSteps.settle(world, pod, nothing);
}

/** One holder asks for all that nobody uses, and must get it. */
async function comesBack(world: World): Promise<void> {
  const found = someHolder(world);
  const left = found ? available(found.ledger) : 0n;
  if (!found || left <= 0n) return;
  const { pod, holder } = found;
  const before = holder.lease.granted;
  if (!holder.report({ ask: { need: left, want: left } })) return;
  transmit(world, pod, holder);
  await quiet(world);
  const granted = holder.lease.granted - before;
  hold(
    'what nobody uses comes back',
    granted === left,
    () => `${left} were left, ${granted} granted to ${pod.key}`,
  );
  holder.giveBack(idle(holder.lease));
  await tellAll(world);
}

/** Somebody who holds a lease of the current ledger, if its period does not end in a moment. */
function someHolder(world: World): { pod: Pod; holder: Holder; ledger: Ledger } | undefined {
  const uid = world.currentOf(world.root)?.uid ?? '';
  const ledger = world.api.byUid(uid)?.ledger;
  if (!ledger || world.nowMs + 60_000 > ledger.period.endMs) return undefined;
  for (const pod of world.present) {
    const holder = pod.process?.current === uid ? pod.process.holders.get(uid) : undefined;
    if (holder) return { pod, holder, ledger };
  }
  return undefined;
}

/** Evidence about everybody who is silent, one after the other. */
async function releaseAll(world: World): Promise<void> {
  for (let index = 0; index < world.api.names.length; index += 1) {
    const version = world.api.latest(world.api.names[index] ?? '');
    const held = [...(version?.ledger.rows.values() ?? [])].filter(
      (row) => row.state !== 'open' && row.lost + row.unknown + unused(row) > 0n,
    );
    // From the last one on, because each that is released is one less.
    for (let a = held.length - 1; a >= 0; a -= 1) {
      operatorSteps.evidence(world, {
        a,
        b: index * world.replicas.length * world.api.names.length + index,
        c: 0,
      });
      await quiet(world);
    }
  }
}
