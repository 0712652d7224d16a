import { z } from 'zod';
import type { Application, Call } from '../world/application.ts';
import { budgetObjects } from '../world/budgets.ts';
import { eventually } from '../control-plane/eventually.ts';
import { World } from '../world/world.ts';
import { Prometheus, type ScrapeTarget } from './prometheus.ts';

const namespace = 'team-a';
const budget = 'chat';
const pod = 'chat-0';
const waitMs = 60_000;

const keys = z.object({
  usageKey: z.record(z.string(), z.unknown()),
  serviceKeys: z.array(z.looseObject({ identityzoneid: z.string() })).min(1),
});

/** A world in which a budget is spent, and a Prometheus that reads its metrics. */
export interface SpendingScene {
  readonly world: World;
  readonly prometheus: Prometheus;
  readonly application: Application;
  stop(): Promise<void>;
}

/** One of each kind of call that leaves something in the metrics. */
const round: readonly Call[] = [
  { kind: 'json', model: 'gpt-4o', prompt: 'Hello [[out=40]][[cached=4]]', maxTokens: 100 },
  { kind: 'stream', model: 'gpt-4o-mini', prompt: 'Hello [[out=60]]', maxTokens: 100 },
  { kind: 'json', model: 'gpt-4o', prompt: 'Hello [[out=20]][[fault=no-usage]]', maxTokens: 50 },
  { kind: 'json', model: 'gpt-4o', prompt: 'Hello [[fault=throttled]]', maxTokens: 50 },
];

/** Starts all of it, with a budget whose billed usage is read, too. */
export async function startScene(say: (line: string) => void): Promise<SpendingScene> {
  const world = await World.start({ say });
  try {
    await applyBudget(world);
    const workload = await world.startWorkload({ namespace, name: pod, budget });
    const application = world.startApplication(workload);
    const prometheus = await Prometheus.start(targetsOf(world, workload.sidecar.adminUrl), say);
    const stop = async (): Promise<void> => {
      await prometheus.stop();
      await world.stop();
    };
    return { world, prometheus, application, stop };
  } catch (error) {
    await world.stop();
    throw error;
  }
}

function targetsOf(world: World, sidecarUrl: string): ScrapeTarget[] {
  return [
    {
      address: new URL(world.operatorAdminUrl).host,
      labels: { namespace: 'sap-ai-budget', pod: 'operator-0' },
    },
    { address: new URL(sidecarUrl).host, labels: { namespace, pod } },
  ];
}

async function applyBudget(world: World): Promise<void> {
  const emulatorUrl = world.emulator.url;
  const { usageKey, serviceKeys } = keys.parse(await read(`${emulatorUrl}/__emulator/service-keys`));
  const year = new Date().getUTCFullYear();
  const spec = {
    usage: {
      serviceKeySecretRef: { name: 'usage-key' },
      subaccountId: serviceKeys[0]?.identityzoneid ?? '',
    },
    purchased: [{ capacityUnits: '1000', from: `${year}-01-01`, until: `${year + 1}-01-01` }],
  };
  await world.kubectl(['create', 'namespace', namespace]);
  await world.apply(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'usage-key', namespace },
      stringData: { 'key.json': JSON.stringify(usageKey) },
    },
    ...budgetObjects({ namespace, name: budget, limit: '1', emulatorUrl, spec }),
  );
  await world.budgetCondition({ namespace, name: budget }, 'Ready', 'True');
}

/**
 * Spends, twice and with the first seen by Prometheus in between, for a rate needs a before and an after; has SAP close the
 * day; lowers the limit until a call is refused.
 */
export async function spendAll({ world, prometheus, application }: SpendingScene): Promise<void> {
  const { url } = world.emulator;
  for (let rounds = 1; rounds <= 2; rounds += 1) {
    for (const call of round) await application.call(call);
    await seen(prometheus, `sum(gen_ai_client_operation_duration_seconds_count) >= ${rounds * round.length}`);
  }
  await read(`${url}/__emulator/close-day`, { method: 'POST' });
  await world.kubectl(['annotate', 'saib', '-n', namespace, budget, `sapai.eerly.ai/poll-usage=now`]);
  await seen(prometheus, 'sapaibudget_usage_data_timestamp_seconds');
  const patch = JSON.stringify({ spec: { monthlyLimit: '1n' } });
  await world.kubectl(['patch', 'saib', '-n', namespace, budget, '--type=merge', '-p', patch]);
  const [call] = round;
  const denied = async (): Promise<true | undefined> =>
    call && (await application.call(call)).outcome === 'denied' ? true : undefined;
  await eventually(denied, { what: 'a call to be refused', timeoutMs: waitMs });
  await seen(prometheus, 'sum(sapaibudget_denied_total{reason="exhausted"}) > 0');
}

/** Waits until a query gives something. */
export async function seen(prometheus: Prometheus, query: string): Promise<void> {
  const probe = async (): Promise<true | undefined> =>
    (await prometheus.query(query)).length > 0 ? true : undefined;
  await eventually(probe, { what: `Prometheus to see ${query}`, timeoutMs: waitMs, intervalMs: 200 });
}

async function read(url: string, init: RequestInit = {}): Promise<unknown> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
