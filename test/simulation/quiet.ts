import type { Holder } from './holder.ts';
import { operatorSteps } from './operator-steps.ts';
import type { Pod } from './pod.ts';
import type { World } from './world.ts';

const nothing = { a: 0, b: 0, c: 0 };
/** Who is overcommitted asks again and again where a ledger that went back cannot give anything back. */
const mostTurns = 60;

/** Lets all that is under way arrive, and the API server do what it was asked for. */
export async function quiet(world: World): Promise<void> {
  for (let [idleTurns, turns] = [0, 0]; idleTurns < 3 && turns < mostTurns; turns += 1) {
    world.advance(1500);
    await world.settle();
    idleTurns = (await arriveAll(world)) ? 0 : idleTurns + 1;
  }
}

/** Lets arrive what is under way now, each in a moment of its own. False: there was nothing. */
export async function arriveAll(world: World): Promise<boolean> {
  let any = false;
  while (operatorSteps.deliver(world, nothing) || operatorSteps.api(world, { ...nothing, a: 1 })) {
    any = true;
    // Time passes also here: who tries again until a time is over would never end otherwise.
    world.tick();
    await world.settle();
  }
  return any;
}

/** The message that is pending goes to the first operator. False: there is none. */
export function transmit(world: World, pod: Pod, holder: Holder): boolean {
  const { process } = pod;
  const replica = world.replicas[0];
  if (!process || !replica || !holder.pending) return false;
  const sentAtMs = process.monotonicMs(world.nowMs);
  world.channel.push({ kind: 'lease', pod, process, holder, replica, request: holder.pending, sentAtMs });
  return true;
}
