import { z } from 'zod';
import { eventually } from '../control-plane/eventually.ts';
import { type CallResult, callResult } from '../world/application.ts';
import type { Evidence } from '../world/comparison.ts';
import type { Entry } from '../world/emulator.ts';
import { cutShortOf, refusalsOf } from '../world/evidence.ts';
import { readMetered, type StoredLedger } from '../world/figures.ts';
import type { InstalledWorld, RunningPod } from '../world/installed-world.ts';
import { reportedLedger } from '../world/spending.ts';

/** A team of the demo: a namespace of its own, a subscription of its own, and an application. */
export interface Team {
  namespace: string;
  /** The client of its service key, by which SAP's books know it. */
  clientId: string;
  sdk: string;
}

export const teams: readonly Team[] = [
  { namespace: 'team-a', clientId: clientOf(1), sdk: "SAP's SDK" },
  { namespace: 'team-b', clientId: clientOf(2), sdk: 'the OpenAI SDK' },
];
/** Name of the budget in every team's namespace, and of the label that brings the sidecar. */
export const budgetName = 'chat';

/** A team whose application has spent until it was refused. */
export interface SpentTeam {
  team: Team;
  pod: RunningPod;
  results: CallResult[];
  denial: CallResult | undefined;
  ledger: StoredLedger;
  evidence: Evidence;
  adminUrl: string;
}

const spendTimeoutMs = 120_000;
const serviceKey = z.object({ url: z.string(), clientid: z.string() });

/** Follows the application's log until it says that it is done; tells of every result once. */
export async function followSpending(
  world: InstalledWorld,
  { team, onResult, signal }: { team: Team; onResult: (result: CallResult) => void; signal: AbortSignal },
): Promise<SpentTeam> {
  const pod = await world.readyPod(team.namespace, 'application');
  const results: CallResult[] = [];
  const probe = async (): Promise<true | undefined> => {
    signal.throwIfAborted();
    const lines = (await world.logs(team.namespace, pod.metadata.name, 'application')).trimEnd().split('\n');
    const told = lines
      .filter((line) => line.startsWith('{"id":'))
      .map((line) => callResult.parse(JSON.parse(line)));
    for (const result of told.slice(results.length)) onResult(result);
    results.push(...told.slice(results.length));
    return lines.includes('{"done":true}') ? true : undefined;
  };
  await eventually(probe, {
    what: `${team.namespace} to spend its budget`,
    timeoutMs: spendTimeoutMs,
    intervalMs: 500,
  });
  return { team, pod, ...(await booksOf(world, { team, pod, results })) };
}

async function booksOf(
  world: InstalledWorld,
  { team, pod, results }: { team: Team; pod: RunningPod; results: CallResult[] },
): Promise<Omit<SpentTeam, 'team' | 'pod'>> {
  const budget = { namespace: team.namespace, name: budgetName };
  const ledger = await reportedLedger(world, { budget, workload: doorOf(pod) });
  const adminUrl = `http://${pod.status.podIP}:15481`;
  const billed = await entriesOf(world, team);
  const ordered = results.toSorted((a, b) => a.id - b.id);
  const evidence: Evidence = {
    ledger,
    metered: await readMetered({ adminUrl }),
    billed,
    refusals: refusalsOf(ordered, billed),
    cutShort: cutShortOf(ordered, billed),
  };
  const denial = ordered.find(({ outcome }) => outcome === 'denied');
  return { results: ordered, denial, ledger, evidence, adminUrl };
}

/** What SAP's books have of a team's subscription. */
export async function entriesOf(world: InstalledWorld, { clientId }: Team): Promise<Entry[]> {
  return (await world.emulator.entries()).filter((entry) => entry.clientId === clientId);
}

/** How the application of a pod reaches its sidecar, from the environment in the pod's own object. */
function doorOf({ spec, status }: RunningPod) {
  const env = new Map(
    spec.containers.flatMap(({ env: list = [] }) => list.map(({ name, value }) => [name, value])),
  );
  const key = serviceKey.parse(JSON.parse(env.get('AICORE_SERVICE_KEY') ?? '{}'));
  const url = key.url.replace('127.0.0.1', status.podIP ?? '');
  const [budget = '', appKey = ''] = key.clientid.split(/\.(?=[^.]*$)/);
  return { sidecar: { url, budget, pod: { appKey } } };
}

function clientOf(number: number): string {
  return `sb-00000000-0000-4000-8000-00000000000${number}!b100${number}|aicore!b540`;
}
