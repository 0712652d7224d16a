import { formatAmount, parseQuantity } from '../../accounting/amount.ts';
import { utcDay } from '../../accounting/metered-usage.ts';
import { periodAt } from '../../accounting/period.ts';
import type { Period } from '../../accounting/period.ts';
import type { SapAiBudget } from '../../crds/budget.ts';
import { periodRuleOf } from '../budget/root-spec.ts';
import type { Observation } from '../kube/conditions.ts';
import type { ServiceKey } from '../sap/service-key.ts';
import { consumptionOf, phaseOf } from './consumption.ts';
import { addDays } from './days.ts';
import { refreshStatement } from './refresh-statement.ts';
import type { Refreshed } from './refresh-statement.ts';
import { UsageApi } from './usage-api.ts';
import type { Subscription, UsageReport } from './usage-board.ts';
import type { UsageMemory, UsageServices } from './usage-services.ts';

/** SAP reports a day on the next one, and is given another day for it. */
const usualDelayDays = 2;

export interface ObserveUsageOptions {
  budget: SapAiBudget;
  subaccountId: string;
  key: ServiceKey;
  memory: UsageMemory;
  signal: AbortSignal;
}

/**
 * Reads what SAP billed, brings the statements of this period and the two before up to date, and says where the
 * subscription stands. The statement of this period is first: what is wrong with a former one is told after it.
 *
 * @throws SapError, KubeError, or what makes a ledger unreadable
 */
export async function observeUsage(
  services: UsageServices,
  options: ObserveUsageOptions,
): Promise<UsageReport> {
  const { budget, subaccountId, key, memory, signal } = options;
  const nowMs = services.clock.nowMs();
  const today = utcDay(nowMs);
  const api = new UsageApi({ key, broker: services.broker, dispatcher: services.dispatcher });
  const refresh = (period: Period): Promise<Refreshed | undefined> =>
    refreshStatement(services, { budget, subaccountId, period, api, signal });
  const current = periodInForce(budget, nowMs);
  const former = periodAt(current.startMs - 1, periodRuleOf(budget.spec));
  const refreshed = await refresh(current);
  // What is held waits for SAP's bill, and that may come when another period has begun.
  await refreshEach([former, periodAt(former.startMs - 1, periodRuleOf(budget.spec))], refresh);
  const phase = phaseOf(budget.spec, today);
  const { finalMonths } = memory;
  const known = refreshed?.uses ?? [];
  const consumed = await consumptionOf({
    api,
    subaccountId,
    span: phase,
    today,
    finalMonths,
    known,
    signal,
  });
  return {
    synced: syncedObservation({ refreshed, subaccountId, today }),
    subscription: subscriptionOf({ consumed, purchased: phase.purchased, refreshed, nowMs }),
  };
}

/** One that fails keeps no other one from its turn. Throws the first failure, after all. */
async function refreshEach(
  periods: readonly Period[],
  refresh: (period: Period) => Promise<unknown>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const period of periods) await refresh(period).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** As the ledger has it: a change of the rule takes effect later. */
function periodInForce({ spec, status }: SapAiBudget, nowMs: number): Period {
  const { period } = status ?? {};
  if (period === undefined) return periodAt(nowMs, periodRuleOf(spec));
  return { name: period.name, startMs: Date.parse(period.start), endMs: Date.parse(period.end) };
}

function subscriptionOf({
  consumed,
  purchased,
  refreshed,
  nowMs,
}: {
  consumed: bigint;
  purchased: string | undefined;
  refreshed: Refreshed | undefined;
  nowMs: number;
}): Subscription {
  const bought = purchased === undefined ? undefined : parseQuantity(purchased);
  const { unattributed, through } = refreshed ?? {};
  return {
    ...(bought === undefined ? {} : { purchased: formatAmount(bought) }),
    consumed: formatAmount(consumed),
    ...(bought === undefined ? {} : { remaining: formatAmount(bought - consumed) }),
    ...(unattributed === undefined ? {} : { unattributed: formatAmount(unattributed) }),
    ...(through === undefined ? {} : { dataThrough: through }),
    polledAt: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
  };
}

/** Says how old the data is, and what to do where it is older than what was metered. */
export function syncedObservation({
  refreshed,
  subaccountId,
  today,
}: {
  refreshed: Pick<Refreshed, 'source' | 'through' | 'meteredDays'> | undefined;
  subaccountId: string;
  today: string;
}): Observation {
  const { through, meteredDays = [], source } = refreshed ?? {};
  const due = addDays(today, -usualDelayDays);
  const metered = meteredDays.findLast((day) => day <= due);
  if (metered !== undefined && metered > (through ?? ''))
    return through === undefined ? missing(subaccountId, metered) : stale(through, metered);
  return synced(
    through === undefined
      ? `SAP has reported no usage of subaccount ${subaccountId} in this period yet; it does so once a day.`
      : `SAP has reported usage through ${through}.${source === 'Monthly' ? monthlyNote : ''}`,
  );
}

const monthlyNote =
  ' It refuses daily figures to this service key: a day of the statement has what was new when it was read.';

function synced(message: string): Observation {
  return { type: 'UsageSynced', status: 'True', reason: 'UsageSynced', message };
}

function missing(subaccountId: string, metered: string): Observation {
  const message = `SAP reports no usage of subaccount ${subaccountId}, though requests were metered through ${metered}: check spec.usage.subaccountId, and that the service key is of the same global account.`;
  return { type: 'UsageSynced', status: 'False', reason: 'UsageMissing', message };
}

function stale(through: string, metered: string): Observation {
  const message = `SAP has reported nothing after ${through}, though requests were metered through ${metered}: figures are that old. SAP usually reports a day on the next one.`;
  return { type: 'UsageSynced', status: 'False', reason: 'UsageStale', message };
}
