import { eventually } from '../control-plane/eventually.ts';
import { budgetObjects } from '../world/budgets.ts';
import { decimalText, exact, sum } from '../world/exact.ts';
import { readLedger } from '../world/figures.ts';
import type { StoredLedger } from '../world/figures.ts';
import { readStatus } from '../world/sidecar-status.ts';
import { type Workload, World } from '../world/world.ts';

/** The budget that all pods spend from. */
export const budget = { namespace: 'team-a', name: 'chat' };
/** Replicas wait for one another this long (s): shorter than any fault that is to outlast it. */
const leaderSeconds = 3;
/** CU: enough for one request, which tells what requests cost. */
const firstLimit = '0.01';
/** Sidecars that are started at the same time. */
const startedAtOnce = 4;

export interface SceneOptions {
  operators: number;
  sidecars: number;
  say: (line: string) => void;
  signal?: AbortSignal;
}

/** Operators, pods with sidecars and one budget, with which things can happen. */
export interface Scene {
  world: World;
  pods: readonly Workload[];
  /** The most that a request reserved so far, in CU (exact). */
  worstCase: bigint;
}

/** Starts everything; pods can spend when it resolves. */
export async function startScene({ operators, sidecars, say, signal }: SceneOptions): Promise<Scene> {
  const world = await World.start({
    say,
    operators,
    // What is not told is billed as dear as it can be.
    emulator: { billMaximum: true },
    operatorSettings: { SAPAIBUDGET_LEADER_SECONDS: String(leaderSeconds) },
    ...(signal && { signal }),
  });
  try {
    await world.kubectl(['create', 'namespace', budget.namespace]);
    await world.apply(...budgetObjects({ ...budget, limit: firstLimit, emulatorUrl: world.emulator.url }));
    await world.budgetCondition(budget, 'Ready', 'True');
    say(`starting ${sidecars} sidecars`);
    const pods: Workload[] = [];
    for (let first = 0; first < sidecars; first += startedAtOnce) {
      const names = Array.from(
        { length: Math.min(startedAtOnce, sidecars - first) },
        (_, index) => first + index,
      );
      pods.push(...(await Promise.all(names.map((number) => startPod(world, `pod-${number}`)))));
    }
    return { world, pods, worstCase: 0n };
  } catch (error) {
    await world.stop();
    throw error;
  }
}

function startPod(world: World, name: string): Promise<Workload> {
  return world.startWorkload({ namespace: budget.namespace, name, budget: budget.name });
}

/** What the ledger counts as gone or out. */
export function known({ settled, held, outstanding }: StoredLedger): bigint {
  return sum([settled, held, outstanding].map(exact));
}

/** Raises the limit so far that this much (exact CU) more than is gone or out can be spent; never lowers it. */
export async function leave(amount: bigint, { world }: Pick<Scene, 'world'>): Promise<void> {
  const ledger = await readLedger(world, budget);
  const wanted = ceilToNano(known(ledger) + amount);
  if (wanted <= exact(ledger.cap)) return;
  const limit = decimalText(wanted);
  const patch = JSON.stringify({ spec: { monthlyLimit: limit } });
  const { namespace, name } = budget;
  await world.kubectl(['patch', 'saib', name, '-n', namespace, '--type=merge', '-p', patch]);
  const probe = async (): Promise<true | undefined> =>
    exact((await readLedger(world, budget)).cap) === wanted ? true : undefined;
  await eventually(probe, { what: `the cap to be ${limit}`, timeoutMs: 120_000, intervalMs: 200 });
}

/** Amounts are no finer. */
function ceilToNano(amount: bigint): bigint {
  const nano = exact('0.000000001');
  return ((amount + nano - 1n) / nano) * nano;
}

/**
 * What could be spent at this moment, by what the sidecars themselves know, sooner than the ledger does; undefined where
 * one of them does not answer.
 */
export async function spendable({ world, pods }: Scene): Promise<bigint | undefined> {
  try {
    const [{ cap }, ...told] = await Promise.all([
      readLedger(world, budget),
      ...pods.map((pod) => readStatus(pod, budget)),
    ]);
    const gone = told.flatMap(({ spent, unknown, reserved }) => [spent, unknown, reserved]);
    return exact(cap) - sum(gone.map(exact));
  } catch {
    return undefined;
  }
}
