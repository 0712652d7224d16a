import { Holder } from './holder.ts';
import type { Pod, Process } from './pod.ts';
import type { World } from './world.ts';

/** Numbers that a step takes what it needs from. */
export interface Numbers {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** One thing that can happen to a pod; false: it could not happen now. */
export type PodStep = (world: World, pod: Pod, numbers: Numbers) => boolean;

/** A process that can do something now. */
export function awake(pod: Pod, which = 0): Process | undefined {
  const process = pod.processes.at(which % 2 === 1 ? 0 : -1);
  return process && !process.paused ? process : undefined;
}

/** One of a list, by a number; undefined where it is empty. */
export function pick<T>(list: readonly T[], which: number): T | undefined {
  return list[which % Math.max(1, list.length)];
}

/** The lease that a process has of a ledger, taken up from its journal where it has none yet. */
export function holderOf(
  world: World,
  { pod, process }: { pod: Pod; process: Process },
  uid: string,
): Holder {
  const known = process.holders.get(uid);
  if (known) return known;
  const holder = new Holder({
    ledgerUid: uid,
    medium: pod.mediumOf(uid),
    account: pod.accountOf(uid),
    newProcessId: () => world.newProcessId(),
  });
  process.holders.set(uid, holder);
  if (pod.processes.length > 1 && world.setup.breaks.includes('A2')) pod.accountOf(uid).twice = true;
  return holder;
}
