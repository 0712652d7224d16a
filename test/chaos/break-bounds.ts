import { chat } from '../world/chat.ts';
import type { Verdict } from '../world/comparison.ts';
import { eventually } from '../control-plane/eventually.ts';
import { decimalText, exact, nano, sum } from '../world/exact.ts';
import { readLedger } from '../world/figures.ts';
import type { Workload } from '../world/world.ts';
import { judgeOverrun } from './judge.ts';
import { budget, leave, type Scene } from './scene.ts';

/** Pods whose requests cost more than they can know; each is refused that route from then on. */
const pods = 2;

/**
 * SAP ignores the limit of some requests: what they cost beyond their reservations is booked as overrun, to the nano-CU.
 * The last thing of a run, because the route is refused after that.
 */
export async function breakBounds(scene: Scene): Promise<Verdict[]> {
  const { world } = scene;
  await leave(scene.worstCase * 10n, scene);
  const before = (await world.emulator.entries()).length;
  const reserved: bigint[] = [];
  for (const pod of scene.pods.slice(0, pods)) reserved.push(await overspend(pod));
  const entries = (await world.emulator.entries()).slice(before);
  const costs = entries.map(({ capacityUnits }) => ceilToNano(exact(capacityUnits)));
  const excess = sum(costs) - sum(reserved);
  const told = async (): Promise<true | undefined> =>
    exact((await readLedger(world, budget)).overrun) >= excess ? true : undefined;
  await eventually(told, { what: `an overrun of ${decimalText(excess)} CU`, timeoutMs: 60_000 }).catch(
    () => undefined,
  );
  return [judgeOverrun(await readLedger(world, budget), excess)];
}

/** What a request reserves (exact CU) that costs more; a refusal from before the limit was raised may hold for a second. */
function overspend(pod: Workload): Promise<bigint> {
  const probe = async (): Promise<bigint | undefined> => {
    const result = await chat(pod, {
      outTokens: 2_000,
      maxTokens: 50,
      directives: '[[fault=ignored-limit]]',
    });
    return result.status === 200 ? exact(result.reserved) : undefined;
  };
  const what = 'a request to be served after the limit was raised';
  return eventually(probe, { what, timeoutMs: 60_000, intervalMs: 500 });
}

/** A request's price is rounded up once. */
function ceilToNano(amount: bigint): bigint {
  return ((amount + nano - 1n) / nano) * nano;
}
