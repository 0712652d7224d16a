import { keepCoverage } from './coverage/keep-coverage.ts';
import { budgetKey } from './configuration/budget-ref.ts';
import { systemClock } from './kube/clock.ts';
import { runEvery } from './kube/run-every.ts';
import { keyOf } from './kube/store.ts';
import { LedgerStore } from './ledger/ledger-store.ts';
import { LedgerRetention } from './retention/ledger-retention.ts';
import { ledgerDeleted } from './budget/ledger-events.ts';
import { upkeepReporter } from './upkeep-reporter.ts';
import type { BudgetServices } from './budget/services.ts';
import { SecretReader } from './budget/secret-reader.ts';
import { reconcileReporter } from './reconcile-reporter.ts';
import type { ControllersOptions, Watched } from './controllers.ts';
import { runRateCardController } from './rate-card/rate-card-controller.ts';
import { budgetOfUser } from './usage/resolve-key.ts';
import { runUsageController, usageQueue } from './usage/usage-controller.ts';

/** A new pod shows soon in the status of its budget. */
const countEveryMs = 15_000;
/** A list reads all ledgers in the API server, and no ledger is in a hurry to go. */
const retentionEveryMs = 900_000;

export interface LeadOptions extends Omit<ControllersOptions, 'signal'> {
  watched: Watched;
  services: BudgetServices;
}

/** Does what only the leader does, until its term ends: budgets are looked at anew, rate cards are kept, usage is polled, pods are counted. */
export async function lead(options: LeadOptions, term: AbortSignal): Promise<void> {
  const { leaderKube: kube, clock, watched } = options;
  const { budgets, rateCards, queue } = watched;
  const lookAtAll = (): void => budgets.list().forEach((budget) => queue.add(keyOf(budget)));
  lookAtAll();
  const onReconcile = reconcileReporter(options, 'rate_card');
  await Promise.all([
    runRateCardController({ kube, cards: rateCards, clock, onReconcile, signal: term }),
    pollUsage(options, term),
    countCoverage(options, term),
    deleteOldLedgers(options, term),
  ]);
  // Figures in this replica's metrics are the next leader's to tell.
  lookAtAll();
}

/** Deletes ledgers that were kept for long enough. */
function deleteOldLedgers(options: LeadOptions, term: AbortSignal): Promise<void> {
  const { leaderKube: kube, config, services, watched, clock, metrics, log } = options;
  const { namespace, keepLedgerMonths: keepMonths } = config;
  const retention = new LedgerRetention({
    kube,
    store: new LedgerStore({ kube, namespace }),
    clock,
    keepMonths,
    onDeleted: ({ ledger, budget }) => {
      log.info({ ledger }, 'ledger deleted');
      const stored = watched.budgets.get(budgetKey(budget));
      if (stored) services.recordEvent(stored, ledgerDeleted(ledger, keepMonths));
    },
    onFailure: upkeepReporter({ metrics, log, clock: systemClock }),
    signal: term,
  });
  return runEvery(retentionEveryMs, () => retention.round(), { clock: systemClock, signal: term });
}

/** Counts pods; what comes of it is written by the budget controller. */
function countCoverage(
  { leaderKube: kube, config, watched, sightings, log }: LeadOptions,
  term: AbortSignal,
): Promise<void> {
  const { budgets, queue, coverage } = watched;
  return keepCoverage({
    kube,
    operatorNamespace: config.namespace,
    sightings,
    board: coverage,
    budgets: () => budgets.list().map(keyOf),
    clock: systemClock,
    everyMs: Math.min(config.refreshMs, countEveryMs),
    onChange: (budget) => queue.add(budget),
    onFailed: (error) => {
      if (error === undefined) log.info({}, 'pods are counted again');
      else log.warn({ err: error }, 'pods cannot be counted');
    },
    signal: term,
  });
}

/** Polls billed usage; what it finds is written by the budget controller. */
async function pollUsage(options: LeadOptions, term: AbortSignal): Promise<void> {
  const { leaderKube: kube, config, tasks, watched, services } = options;
  const { budgets, queue: budgetQueue } = watched;
  const queue = usageQueue();
  const secrets = new SecretReader({
    kube,
    clock: systemClock,
    maxAgeMs: config.refreshMs,
    onChange: (user) => queue.add(budgetOfUser(user)),
    own: (watch) => tasks.own('watch of a Secret with a key of usage data', watch),
    signal: term,
  });
  const { ledgerStore, ledgers, broker, dispatcher, clock, usage: board } = services;
  const { allowedSapHosts } = config;
  await runUsageController({
    budgets,
    queue,
    services: {
      kube,
      budgets,
      secrets,
      ledgerStore,
      ledgers,
      broker,
      dispatcher,
      clock,
      allowedSapHosts,
      board,
      onReport: (budget) => budgetQueue.add(budget),
      onPoll: (poll) => options.metrics.usagePolled(poll),
    },
    onReconcile: reconcileReporter(options, 'usage'),
    signal: term,
  });
}
