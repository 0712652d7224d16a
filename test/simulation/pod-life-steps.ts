import type { Pod, Process } from './pod.ts';
import type { PodStep } from './pod-step.ts';
import { awake, holderOf } from './pod-step.ts';
import type { World } from './world.ts';

const start: PodStep = (world, pod) => {
  if (pod.gone || pod.processes.length > 0) return false;
  begin(world, pod);
  world.say(() => `${pod.key} starts a process`);
  return true;
};

/** A process begins by taking up every journal that is there. */
function begin(world: World, pod: Pod): void {
  const process = world.newProcess();
  pod.processes.push(process);
  for (const [uid, medium] of pod.media) if (!medium.isEmpty) holderOf(world, { pod, process }, uid);
  learnCurrent(world, { pod, process });
}

/** What the configuration says: the current ledger, and that others are to be wound up. */
function learnCurrent(world: World, { pod, process }: { pod: Pod; process: Process }): void {
  const uid = world.currentOf(pod.budget)?.uid ?? process.current;
  if (uid === undefined) return;
  process.current = uid;
  holderOf(world, { pod, process }, uid);
  for (const holder of process.holders.values()) holder.retiring = holder.ledgerUid !== uid;
}

const configure: PodStep = (world, pod, { a }) => {
  const process = awake(pod, a);
  if (!process) return false;
  const before = process.current;
  learnCurrent(world, { pod, process });
  return before !== process.current;
};

const crash: PodStep = (world, pod) => {
  if (pod.processes.length === 0) return false;
  world.say(() => `the process of ${pod.key} is killed`);
  end(world, pod);
  return true;
};

function end(world: World, pod: Pod): void {
  pod.processes = [];
  for (const uid of pod.accounts.keys()) world.touch(pod, uid);
}

/** Killed while it wrote a reservation: that request never left. */
const crashTorn: PodStep = (world, pod, { a }) => {
  const process = awake(pod);
  const medium = process?.current === undefined ? undefined : pod.media.get(process.current);
  if (!medium || medium.isEmpty) return false;
  medium.tear({ type: 'reserve', id: world.newId(), amount: 1n + BigInt(a), atMs: world.nowMs }, a);
  return crash(world, pod, { a, b: 0, c: 0 });
};

/** The node starts anew: memory-backed storage is empty. */
const reboot: PodStep = (world, pod) => {
  if ([...pod.media.values()].every((medium) => medium.isEmpty)) return false;
  world.say(() => `the node of ${pod.key} starts anew, its journals are gone`);
  for (const [uid, medium] of pod.media) {
    if (!medium.isEmpty) pod.accountOf(uid).loseJournal();
    medium.lose();
  }
  end(world, pod);
  return true;
};

/** The node comes back with a journal from before a report that the ledger has booked. */
const restoreJournal: PodStep = (world, pod) => {
  let any = false;
  for (const [uid, medium] of pod.media) {
    const seq = world.api.byUid(uid)?.ledger.rows.get(pod.key)?.seq ?? 0;
    if (!medium.goBackBefore(seq)) continue;
    any = true;
    pod.accountOf(uid).loseJournal();
  }
  if (!any) return false;
  world.say(() => `the node of ${pod.key} comes back with an old journal`);
  end(world, pod);
  return true;
};

/** A journal turns up that was lost, and takes the place of the one that was begun without it. */
const findJournal: PodStep = (world, pod) => {
  let any = false;
  for (const [uid, medium] of pod.media) {
    if (!medium.putBack()) continue;
    any = true;
    pod.accountOf(uid).loseJournal();
  }
  if (!any) return false;
  world.say(() => `a journal of ${pod.key} turns up that was lost`);
  end(world, pod);
  return true;
};

const damageJournal: PodStep = (world, pod, { a }) => {
  let any = false;
  for (const [uid, medium] of pod.media) {
    if (!medium.damage(a)) continue;
    any = true;
    pod.accountOf(uid).loseJournal();
  }
  if (!any) return false;
  world.say(() => `a journal of ${pod.key} is damaged, and its process killed`);
  end(world, pod);
  return true;
};

const compact: PodStep = (_world, pod) => {
  const process = awake(pod);
  const holder = process?.current === undefined ? undefined : process.holders.get(process.current);
  if (!holder || holder.lease.incarnation === 0) return false;
  holder.medium.compact(holder.lease);
  return true;
};

/** A2 broken on purpose: a second process of the pod gets at the journal while the first one still runs. */
const secondProcess: PodStep = (world, pod) => {
  if (pod.gone || pod.processes.length !== 1) return false;
  for (const uid of pod.media.keys()) pod.accountOf(uid).twice = true;
  const current = world.currentOf(pod.budget);
  if (current) pod.accountOf(current.uid).twice = true;
  begin(world, pod);
  world.say(() => `a second process of ${pod.key} gets at its journal`);
  return true;
};

const pause: PodStep = (world, pod, { a }) => {
  const process = awake(pod);
  if (!process) return false;
  process.paused = true;
  if (a % 2 === 0) process.suspendedAtMs = world.nowMs;
  world.say(() => `${pod.key} is stopped${a % 2 === 0 ? ', and its monotonic clock with it' : ''}`);
  return true;
};

const resume: PodStep = (world, pod) => {
  const process = pod.process;
  if (!process?.paused) return false;
  process.paused = false;
  if (process.suspendedAtMs !== undefined) process.suspendedMs += world.nowMs - process.suspendedAtMs;
  process.suspendedAtMs = undefined;
  world.say(() => `${pod.key} goes on`);
  return true;
};

/** The pod is deleted: its containers have ended, and the API server knows it no more. */
const remove: PodStep = (world, pod) => {
  if (pod.gone) return false;
  pod.gone = true;
  end(world, pod);
  for (const medium of pod.media.values()) medium.clear();
  world.replacePod(pod);
  world.say(() => `${pod.key} is deleted`);
  return true;
};

const jumpWall: PodStep = (_world, pod, { a }) => {
  pod.wallErrorMs = (a - 500) * 20_000;
  return true;
};

/** How processes, journals and pods begin and end, by name. */
export const podLifeSteps = {
  start,
  configure,
  crash,
  crashTorn,
  reboot,
  restoreJournal,
  findJournal,
  damageJournal,
  compact,
  secondProcess,
  pause,
  resume,
  remove,
  jumpWall,
} satisfies Record<string, PodStep>;
