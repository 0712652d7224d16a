import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import { BudgetKeys } from './budget/budget-keys.ts';
import { BudgetQueue, runBudgetController } from './budget/budget-controller.ts';
import type { StoredBudget, StoredRateCard } from './budget/budget-controller.ts';
import { childKeysOf, rootOf } from './budget/family.ts';
import type { Relatives } from './budget/family.ts';
import { Standings } from './budget/standings.ts';
import { firstLook } from './budget/first-look.ts';
import { ledgerObjectEvent } from './budget/ledger-events.ts';
import { budgets as budgetResource, rateCards as rateCardResource } from './budget/resources.ts';
import { SecretReader } from './budget/secret-reader.ts';
import type { BudgetServices, RecordEvent } from './budget/services.ts';
import { Subscriptions } from './budget/subscriptions.ts';
import type { OperatorConfig } from './config.ts';
import { budgetKey } from './configuration/budget-ref.ts';
import type { BudgetRef } from './configuration/budget-ref.ts';
import { Configurations } from './configuration/configurations.ts';
import { CoverageBoard } from './coverage/coverage-board.ts';
import type { PodSightings } from './coverage/pod-sightings.ts';
import { reconcileReporter } from './reconcile-reporter.ts';
import type { Leadership } from './replicas/leadership.ts';
import { systemClock } from './kube/clock.ts';
import type { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/events.ts';
import { Informer } from './kube/informer.ts';
import { namespaces as namespaceResource } from './kube/resource.ts';
import type { KubeObject } from './kube/resource.ts';
import { startLedgers } from './ledger/ledger-registry.ts';
import { LedgerStore } from './ledger/ledger-store.ts';
import type { Ledgers } from './ledger/ledgers.ts';
import { podIsGone } from './ledger/pod-is-gone.ts';
import type { OperatorMetrics } from './metrics.ts';
import { TokenBroker } from './sap/token-broker.ts';
import type { ServerClock } from './server-clock.ts';
import type { Tasks } from './tasks.ts';
import { upkeepReporter } from './upkeep-reporter.ts';
import { UsageBoard } from './usage/usage-board.ts';

/** Name of the program in events. */
const controllerName = 'sapai.eerly.ai/operator';

export interface ControllersOptions {
  kube: KubeClient;
  /** Writes only while this replica leads. */
  leaderKube: KubeClient;
  leadership: Leadership;
  /** Whether there are other replicas. */
  peers: { readonly hasPeers: boolean };
  config: OperatorConfig;
  clock: ServerClock;
  dispatcher: Dispatcher;
  metrics: OperatorMetrics;
  log: Logger;
  tasks: Tasks;
  /** Which sidecars have called. */
  sightings: PodSightings;
  /** Stops reconciling. */
  signal: AbortSignal;
  /** Stops the ledgers: later, because sidecars still return what they hold. */
  ledgerSignal: AbortSignal;
}

/** What sidecars are served from, and what the leader works with. */
export interface Controllers {
  services: BudgetServices;
  watched: Watched;
  /** The first resource group of a budget; undefined for one that is not there (yet). */
  resourceGroupOf: (budget: BudgetRef) => string | undefined;
}

/** Starts caches and what every replica does; resolves when every budget has been looked at, within a bound. */
export async function startControllers(options: ControllersOptions): Promise<Controllers> {
  const { tasks, signal } = options;
  const watched = watchBudgets(options);
  const { budgets, rateCards, namespaces, queue } = watched;
  const services = buildServices(options, watched);
  await Promise.all([budgets.synced, rateCards.synced, namespaces.synced]);
  tasks.own(
    'budget controller',
    runBudgetController({
      ...watched,
      services,
      clock: systemClock,
      queue,
      onReconcile: reconcileReporter(options, 'budget'),
      signal,
    }),
  );
  await firstLook({ budgets, configurations: services.configurations, clock: systemClock, signal });
  const resourceGroupOf = (budget: BudgetRef): string | undefined =>
    rootOf(budget, services.relatives)?.spec.aiCore?.resourceGroups?.[0];
  return { services, watched, resourceGroupOf };
}

/** What all controllers look at, and the queue of budgets. */
export interface Watched {
  budgets: Informer<StoredBudget>;
  rateCards: Informer<StoredRateCard>;
  namespaces: Informer<KubeObject>;
  queue: BudgetQueue;
  coverage: CoverageBoard;
}

function watchBudgets({ kube, log, tasks, signal }: ControllersOptions): Watched {
  const budgets = new Informer<StoredBudget>({
    kube,
    resource: budgetResource,
    onReport: reportTo(log, 'budgets'),
  });
  const rateCards = new Informer<StoredRateCard>({
    kube,
    resource: rateCardResource,
    onReport: reportTo(log, 'rate cards'),
  });
  const namespaces = new Informer<KubeObject>({
    kube,
    resource: namespaceResource,
    onReport: reportTo(log, 'namespaces'),
  });
  tasks.own('namespace cache', namespaces.run(signal));
  tasks.own('budget cache', budgets.run(signal));
  tasks.own('rate card cache', rateCards.run(signal));
  return {
    budgets,
    rateCards,
    namespaces,
    queue: new BudgetQueue({ clock: systemClock }),
    coverage: new CoverageBoard(),
  };
}

function relativesOf({ budgets, namespaces }: Watched): Relatives {
  return {
    get: (key) => budgets.get(key),
    list: () => budgets.list(),
    namespaceLabels: (namespace) => namespaces.get(namespace)?.metadata.labels,
  };
}

function buildServices(options: ControllersOptions, watched: Watched): BudgetServices {
  const { kube, leaderKube, leadership, config, clock, dispatcher, metrics, tasks, signal } = options;
  const { budgets, rateCards, queue, coverage } = watched;
  const { refreshMs, allowedSapHosts } = config;
  const recordEvent = startEvents(options);
  const ledgerStore = new LedgerStore({ kube, namespace: config.namespace });
  const configurations = new Configurations({ clock: systemClock });
  const broker = new TokenBroker({ dispatcher, clock: systemClock });
  const onChange = (user: string): void => queue.add(user);
  const own = (run: Promise<void>): void => tasks.own('secret watch', run);
  const relatives = relativesOf(watched);
  return {
    kube: leaderKube,
    leadership,
    budgets,
    rateCards,
    secrets: new SecretReader({ kube, clock: systemClock, maxAgeMs: refreshMs, onChange, own, signal }),
    subscriptions: new Subscriptions({ onRevoked: (key) => queue.add(key) }),
    relatives,
    standings: new Standings({
      onChange: (key) => childKeysOf(key, relatives).forEach((child) => queue.add(child)),
    }),
    ledgers: openLedgers(options, { ...watched, ledgerStore, recordEvent, configurations }),
    ledgerStore,
    configurations,
    broker,
    dispatcher,
    clock,
    usage: new UsageBoard(),
    coverage,
    settings: { refreshMs, allowedSapHosts },
    recordEvent,
    tokens: new BudgetKeys({ broker }),
    onObserved: (seen) => metrics.observeBudget(seen),
  };
}

function openLedgers(
  { kube, leadership, peers, clock, metrics, log, tasks, ledgerSignal }: ControllersOptions,
  {
    budgets,
    queue,
    ledgerStore,
    recordEvent,
    configurations,
  }: Watched & { ledgerStore: LedgerStore; recordEvent: RecordEvent; configurations: Configurations },
): Ledgers {
  const ledgers = startLedgers({
    store: ledgerStore,
    clock,
    leadership,
    hasPeers: () => peers.hasPeers,
    signal: ledgerSignal,
    onChange: (budget) => queue.addSoon(budget),
    notices: configurations,
    exists: (budget) => budgets.get(budgetKey(budget)) !== undefined,
    onWrite: (_budget, write) => metrics.countLedgerWrite(write),
    onFailure: upkeepReporter({ metrics, log, clock: systemClock }),
    podIsGone: (holder) => podIsGone(kube, holder),
    onEvent: (budget, event) => {
      metrics.countLedgerEvent(event);
      const stored = budgets.get(budgetKey(budget));
      if (stored) recordEvent(stored, ledgerObjectEvent(event));
    },
  });
  tasks.own('ledgers', ledgers.stopped);
  return ledgers;
}

function startEvents({ kube, log, tasks, ledgerSignal }: ControllersOptions): RecordEvent {
  const recorder = new EventRecorder({
    kube,
    controller: controllerName,
    instance: hostname(),
    onDropped: ({ reason, error }) => log.warn({ reason, err: error }, 'event could not be written'),
  });
  tasks.own('events', recorder.run(ledgerSignal));
  return (regarding, event) => {
    const fields = { object: `${regarding.metadata.namespace ?? ''}/${regarding.metadata.name}`, ...event };
    // What somebody can repeat at will must not fill the log.
    if (recorder.record({ regarding, ...event })) log.info(fields, 'event');
    else log.debug(fields, 'event');
  };
}

function reportTo(log: Logger, cache: string): (report: { type: string; error?: unknown }) => void {
  return ({ type, error }) => {
    if (error === undefined) log.debug({ cache, type }, 'cache');
    else log.warn({ cache, type, err: error }, 'cache');
  };
}
