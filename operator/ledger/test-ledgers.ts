import type { LedgerEvent } from '../../accounting/ledger-transitions.ts';
import type { MessageContext } from '../../accounting/message-context.ts';
import { parseAmount } from '../../accounting/amount.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import type { LeaseRequest, OpenRequest, ReportRequest } from '../../accounting/messages.ts';
import { periodAt } from '../../accounting/period.ts';
import type { SapAiLedger } from '../../crds/ledger.ts';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { KubeClient } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import type { Clock } from '../kube/clock.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { startLedgers } from './ledger-registry.ts';
import { LedgerStore, ledgerResource } from './ledger-store.ts';
import { podIsGone } from './pod-is-gone.ts';
import type { WriteReport } from './ledger-writer.ts';
import type { LedgerNeed, Ledgers } from './ledgers.ts';
import type { UpkeepFailure } from './upkeep.ts';

/** Who holds in these tests, at the time that the clock says. */
export const rule = { timeZone: 'Etc/UTC', startDay: 1 };
export const budget = { namespace: 'team-a', name: 'chat' };

/** The machine's clock, which a test can put forward. */
export class ShiftedClock implements Clock {
  aheadMs = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.aheadMs;
  }
  after(ms: number, run: () => void): () => void {
    return systemClock.after(ms, run);
  }
}

/** One operator as far as ledgers go, with its own way to the API server. */
export interface LedgerSide {
  ledgers: Ledgers;
  store: LedgerStore;
  proxy: FaultProxy;
  clock: ShiftedClock;
  events: LedgerEvent[];
  /** Who was asked to give back what they do not use, and in which round. */
  recalls: { budget: BudgetRef; number: number; keys: readonly string[] }[];
  /** Whether its budgets are there. */
  budgetsExist: boolean;
  /** What it is told of its role. */
  role: { leading: boolean; term: number; hasPeers: boolean };
  /** How often somebody was told that a ledger had changed. */
  readonly changes: number;
  writes: WriteReport[];
  /** Upkeep that could not be done. */
  failures: UpkeepFailure[];
  stop(): Promise<void>;
}

/** How often an operator looks after its ledgers by itself: not before a test is over. */
const never = {
  expireEveryMs: 3_600_000,
  foldEveryMs: 3_600_000,
  tellEveryMs: 3_600_000,
  lookEveryMs: 3_600_000,
};

/** Starts one; several may share a namespace, as replicas do. */
export async function startSide(
  controlPlane: ControlPlaneAccess,
  { namespace, ...every }: { namespace: string } & Partial<typeof never>,
): Promise<LedgerSide> {
  const proxy = await startFaultProxy(controlPlane);
  const kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test' });
  const store = new LedgerStore({ kube, namespace });
  const controller = new AbortController();
  const clock = new ShiftedClock();
  const seen = { changes: 0, budgetsExist: true };
  const role = { leading: true, term: 0, hasPeers: false, leads: (): boolean => role.leading };
  const recalls: LedgerSide['recalls'] = [];
  const events: LedgerEvent[] = [];
  const writes: WriteReport[] = [];
  const failures: UpkeepFailure[] = [];
  const ledgers = startLedgers({
    store,
    clock,
    onEvent: (_budget, event) => events.push(event),
    onChange: () => (seen.changes += 1),
    notices: { recall: (of, round) => recalls.push({ budget: of, ...round }), withdraw: () => undefined },
    exists: () => seen.budgetsExist,
    onWrite: (_budget, report) => writes.push(report),
    onFailure: (failure) => failures.push(failure),
    signal: controller.signal,
    ...never,
    ...every,
    podIsGone: (of) => podIsGone(kube, of),
    leadership: role,
    hasPeers: () => role.hasPeers,
  });
  return {
    ledgers,
    store,
    proxy,
    clock,
    events,
    writes,
    failures,
    recalls,
    get budgetsExist() {
      return seen.budgetsExist;
    },
    set budgetsExist(exist) {
      seen.budgetsExist = exist;
    },
    role,
    get changes() {
      return seen.changes;
    },
    stop: async () => {
      controller.abort();
      await ledgers.stopped;
      await kube.close();
      await proxy.stop();
    },
  };
}

/** What the budget of these tests needs: the period that is now, and a cap in CU. */
export function need(cap: string, more: Partial<LedgerNeed> = {}): LedgerNeed {
  const period = periodAt(systemClock.nowMs(), rule);
  return {
    budget,
    createdFor: 'budget-uid',
    period,
    rule,
    cap: parseAmount(cap),
    enforcement: 'Enforce',
    ...more,
  };
}

/** One pod; its messages are numbered by hand. */
export function holder(name: string) {
  const identity = { schema: schemaVersion, budget: budget.name } as const;
  const zero = { spent: 0n, overrun: 0n, returned: 0n, unknown: [] };
  return {
    key: `pod:${name}`,
    context: (nowMs: number): MessageContext => ({
      key: `pod:${name}`,
      name: `${budget.namespace}/${name}`,
      nowMs,
      leaseSeconds: 300,
      mayGrant: true,
    }),
    open: (ledgerUid: string, processId = '00000000000000aa'): OpenRequest => ({
      ...identity,
      kind: 'open',
      ledgerUid,
      processId,
    }),
    report: (
      ledgerUid: string,
      {
        ask,
        least,
        spent = '0',
        ...rest
      }: Partial<Omit<ReportRequest, 'ask' | 'spent'>> & { ask?: string; least?: string; spent?: string },
    ): LeaseRequest => ({
      ...identity,
      kind: 'report',
      ledgerUid,
      incarnation: 1,
      seq: 1,
      ...zero,
      spent: parseAmount(spent),
      ...(ask === undefined
        ? {}
        : {
            ask: {
              need: parseAmount(ask),
              want: parseAmount(ask),
              ...(least !== undefined && { least: parseAmount(least) }),
            },
          }),
      ...rest,
    }),
  };
}

/** Where ledgers of a test are. */
interface Place {
  controlPlane: ControlPlaneAccess;
  namespace: string;
}

/** The stored object, past every cache. */
export async function storedLedger({ controlPlane, namespace }: Place, name: string): Promise<SapAiLedger> {
  const { body, status } = await controlPlane.call({ path: pathOf(namespace, name) });
  if (status !== 200) throw new Error(`no ledger ${name}: ${JSON.stringify(body)}`);
  return Object(body);
}

/** Changes the stored object as somebody with kubectl would. */
export async function editLedger(
  { controlPlane, namespace }: Place,
  { name, spec }: { name: string; spec: object },
): Promise<void> {
  const contentType = 'application/merge-patch+json';
  const path = pathOf(namespace, name);
  const answer = await controlPlane.call({ method: 'PATCH', path, contentType, body: { spec } });
  if (answer.status !== 200) throw new Error(`not edited: ${JSON.stringify(answer.body)}`);
}

/** Where the API server keeps a ledger. */
export function pathOf(namespace: string, name: string): string {
  const { group, version, plural } = ledgerResource;
  return `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
}
