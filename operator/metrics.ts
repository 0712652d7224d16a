import { X509Certificate } from 'node:crypto';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { NanoCu } from '../accounting/amount.ts';
import { nanoPerCu } from '../accounting/amount.ts';
import type { LedgerEvent } from '../accounting/ledger-transitions.ts';
import type { BudgetRef } from './configuration/budget-ref.ts';
import type { Coverage } from './coverage/count-pods.ts';
import type { ReconcileReport } from './kube/controller.ts';
import type { LedgerSnapshot } from './ledger/ledger-snapshot.ts';
import { type Upkeep, upkeeps } from './ledger/upkeep.ts';
import { operatorMetricTable as table } from './metric-table.ts';
import type { Leadership } from './replicas/leadership.ts';
import type { Subscription } from './usage/usage-board.ts';
import type { WebhookOutcome } from './webhook/webhook-service.ts';

const controllers = ['budget', 'rate_card', 'authority_maps', 'ca_bundle', 'usage'] as const;
export type ControllerName = (typeof controllers)[number];
const results = ['done', 'waiting', 'stalled', 'error'] as const;
const ledgerEvents: readonly LedgerEvent['type'][] = [
  'LeaseExpired',
  'LeaseReclaimed',
  'LeaseLost',
  'Overrun',
  'LateSpending',
  'ReleaseRevoked',
  'RequestNotCovered',
  'ReportRefused',
  'HeldSettled',
];
const writeOutcomes = ['written', 'conflict', 'unclear', 'failed'] as const;
const calls = ['configuration', 'token', 'lease'] as const;
const pollResults = ['ok', 'failed'] as const;
const measures = ['purchased', 'consumed', 'remaining'] as const;
const dayMs = 86_400_000;

/** A refusal is rare and has a reason of its own each time; these are what rates are built from. */
const admissionsAtZero: readonly WebhookOutcome[] = ['injected', 'unchanged', 'failed'];

/** What is known of a budget; without `ready` it is gone. */
export interface ObservedBudget {
  budget: BudgetRef;
  ledger?: LedgerSnapshot;
  ready?: boolean;
  subscription?: Subscription;
  coverage?: Coverage;
}

type BudgetLabels = Record<(typeof table.limit.labels)[number], string>;
type ParentLabels = Record<(typeof table.parent.labels)[number], string>;

/** All metrics of the operator, created at 0 where their labels are known beforehand. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #budgets = budgetGauges(this.registry);
  readonly #leases = {
    issued: counter(table.leasesIssued, this.registry),
    refunded: counter(table.leasesRefunded, this.registry),
  };
  readonly #parent = gauge(table.parent, this.registry);
  readonly #parents = new Map<string, ParentLabels>();
  readonly #subscription = gauge(table.subscription, this.registry);
  readonly #usagePolls = counter(table.usagePolls, this.registry);
  readonly #usagePollSeconds = histogram(table.usagePollSeconds, this.registry);
  readonly #reconciles = counter(table.reconciles, this.registry);
  readonly #reconcileSeconds = histogram(table.reconcileSeconds, this.registry);
  readonly #ledgerEvents = counter(table.ledgerEvents, this.registry);
  readonly #ledgerWrites = counter(table.ledgerWrites, this.registry);
  readonly #ledgerBytes = counter(table.ledgerBytes, this.registry);
  readonly #upkeepFailures = counter(table.upkeepFailures, this.registry);
  readonly #requests = counter(table.requests, this.registry);
  readonly #requestSeconds = histogram(table.requestSeconds, this.registry);
  readonly #apiCalls = counter(table.apiCalls, this.registry);
  readonly #admissions = counter(table.admissions, this.registry);
  readonly #admissionSeconds = histogram(table.admissionSeconds, this.registry);
  readonly #certificateExpiry = gauge(table.certificateExpiry, this.registry);

  #replicas: { leadership: Leadership; peers: { readonly count: number } } | undefined;

  constructor({ version }: { version: string }) {
    collectDefaultMetrics({ register: this.registry });
    gauge(table.build, this.registry).set({ version }, 1);
    this.#createAtZero();
    this.#tell(table.leader, () => (this.#replicas?.leadership.leads() === true ? 1 : 0));
    this.#tell(table.replicas, () => this.#replicas?.peers.count ?? 0);
  }

  /** Figures of a budget; once it is gone, so are they. */
  observeBudget({ budget, ledger, ready, subscription, coverage }: ObservedBudget): void {
    const labels = { budget: budget.name, budget_namespace: budget.namespace };
    if (ready === undefined) return this.#forget(labels);
    this.#budgets.ready.set(labels, ready ? 1 : 0);
    this.#observeSubscription(labels, subscription);
    setOrRemove(this.#budgets.selectedPods, labels, coverage?.selected);
    setOrRemove(this.#budgets.enforcedPods, labels, coverage?.enforced);
    if (ledger !== undefined) this.#observeLedger(labels, ledger);
  }

  #forget(labels: BudgetLabels): void {
    this.#observeSubscription(labels);
    this.#observeParent(labels);
    for (const each of [...Object.values(this.#budgets), ...Object.values(this.#leases)]) each.remove(labels);
  }

  #observeLedger(labels: BudgetLabels, ledger: LedgerSnapshot): void {
    this.#observeParent(labels, ledger.parent);
    this.#budgets.limit.set(labels, inCu(ledger.cap));
    this.#budgets.settled.set(labels, inCu(ledger.settled));
    this.#budgets.outstanding.set(labels, inCu(ledger.outstanding));
    this.#budgets.held.set(labels, inCu(ledger.held));
    this.#budgets.remaining.set(labels, inCu(ledger.available));
    this.#budgets.overrun.set(labels, inCu(ledger.overrun));
    countTo(this.#leases.issued, labels, inCu(ledger.granted));
    countTo(this.#leases.refunded, labels, inCu(ledger.returned));
    this.#budgets.periodStart.set(labels, ledger.period.startMs / 1000);
    this.#budgets.periodEnd.set(labels, ledger.period.endMs / 1000);
  }

  observeReconcile(controller: ControllerName, { result, durationMs }: ReconcileReport): void {
    this.#reconciles.inc({ controller, result });
    this.#reconcileSeconds.observe({ controller }, durationMs / 1000);
  }
  countLedgerEvent({ type }: LedgerEvent): void {
    this.#ledgerEvents.inc({ reason: type });
  }
  countLedgerWrite({ outcome, bytes }: { outcome: (typeof writeOutcomes)[number]; bytes: number }): void {
    this.#ledgerWrites.inc({ outcome });
    if (outcome === 'written') this.#ledgerBytes.inc(bytes);
  }
  countUpkeepFailure(upkeep: Upkeep): void {
    this.#upkeepFailures.inc({ upkeep });
  }
  answered({ call, outcome, durationMs }: { call: string; outcome: string; durationMs: number }): void {
    this.#requests.inc({ call, outcome });
    this.#requestSeconds.observe({ call }, durationMs / 1000);
  }
  admissionAnswered({ outcome, durationMs }: { outcome: WebhookOutcome; durationMs: number }): void {
    this.#admissions.inc({ outcome });
    this.#admissionSeconds.observe(durationMs / 1000);
  }
  countApiCall({ method, code }: { method: string; code: number }): void {
    this.#apiCalls.inc({ method, code_class: code === 0 ? '0' : `${Math.floor(code / 100)}xx` });
  }
  usagePolled({ result, durationMs }: { result: (typeof pollResults)[number]; durationMs: number }): void {
    this.#usagePolls.inc({ result });
    this.#usagePollSeconds.observe(durationMs / 1000);
  }
  /** From now on tells who leads and how many there are, as it is whenever somebody asks. */
  watchReplicas(replicas: { leadership: Leadership; peers: { readonly count: number } }): void {
    this.#replicas = replicas;
  }
  /** Told of each certificate (PEM) that is served with. */
  servesWith({ certificate }: { certificate: string }): void {
    this.#certificateExpiry.set(new X509Certificate(certificate).validToDate.getTime() / 1000);
  }

  #observeParent(labels: BudgetLabels, parent?: BudgetRef): void {
    const key = `${labels.budget_namespace}/${labels.budget}`;
    const before = this.#parents.get(key);
    if (before !== undefined) this.#parent.remove(before);
    this.#parents.delete(key);
    if (parent === undefined) return;
    const now = { ...labels, parent: parent.name, parent_namespace: parent.namespace };
    this.#parent.set(now, 1);
    this.#parents.set(key, now);
  }

  /** What is not known (any more) has no series: an old figure would look like a new one. */
  #observeSubscription(labels: BudgetLabels, seen?: Subscription): void {
    for (const measure of measures)
      setOrRemove(this.#subscription, { ...labels, measure }, numberOf(seen?.[measure]));
    setOrRemove(this.#budgets.unattributed, labels, numberOf(seen?.unattributed));
    const { dataThrough } = seen ?? {};
    const endMs = dataThrough === undefined ? undefined : Date.parse(dataThrough) + dayMs;
    setOrRemove(this.#budgets.usageThrough, labels, endMs && endMs / 1000);
  }

  /** A figure that is looked up when somebody asks. */
  #tell({ name, help }: Row<never>, value: () => number): void {
    const registers = [this.registry];
    const collect = function (this: Gauge): void {
      this.set(value());
    };
    void new Gauge({ name, help, registers, collect });
  }

  #createAtZero(): void {
    for (const controller of controllers) {
      for (const result of results) this.#reconciles.inc({ controller, result }, 0);
    }
    for (const reason of ledgerEvents) this.#ledgerEvents.inc({ reason }, 0);
    for (const outcome of admissionsAtZero) this.#admissions.inc({ outcome }, 0);
    for (const outcome of writeOutcomes) this.#ledgerWrites.inc({ outcome }, 0);
    for (const upkeep of upkeeps) this.#upkeepFailures.inc({ upkeep }, 0);
    for (const call of calls) this.#requests.inc({ call, outcome: 'ok' }, 0);
    for (const result of pollResults) this.#usagePolls.inc({ result }, 0);
  }
}

interface Row<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
}

function counter<L extends string>({ name, help, labels }: Row<L>, registry: Registry): Counter<L> {
  return new Counter<L>({ name, help, labelNames: [...labels], registers: [registry] });
}

function gauge<L extends string>({ name, help, labels }: Row<L>, registry: Registry): Gauge<L> {
  return new Gauge<L>({ name, help, labelNames: [...labels], registers: [registry] });
}

function histogram<L extends string>(
  { name, help, labels, buckets }: Row<L> & { readonly buckets: readonly number[] },
  registry: Registry,
): Histogram<L> {
  return new Histogram<L>({
    name,
    help,
    labelNames: [...labels],
    buckets: [...buckets],
    registers: [registry],
  });
}

/** Those that a budget has exactly one of. */
function budgetGauges(registry: Registry) {
  return {
    limit: gauge(table.limit, registry),
    settled: gauge(table.settled, registry),
    outstanding: gauge(table.outstanding, registry),
    held: gauge(table.held, registry),
    remaining: gauge(table.remaining, registry),
    overrun: gauge(table.overrun, registry),
    periodStart: gauge(table.periodStart, registry),
    periodEnd: gauge(table.periodEnd, registry),
    ready: gauge(table.ready, registry),
    selectedPods: gauge(table.selectedPods, registry),
    enforcedPods: gauge(table.enforcedPods, registry),
    unattributed: gauge(table.unattributed, registry),
    usageThrough: gauge(table.usageThrough, registry),
  };
}

function setOrRemove<L extends string>(
  metric: Gauge<L>,
  labels: Record<L, string>,
  value: number | undefined,
): void {
  if (value === undefined) metric.remove(labels);
  else metric.set(labels, value);
}

/** Makes a counter what the ledger says: it goes on where another operator stopped, and begins anew with a period. */
function countTo<L extends string>(metric: Counter<L>, labels: Record<L, string>, value: number): void {
  metric.remove(labels);
  metric.inc(labels, value);
}

/** For display only: nothing is ever counted with it. */
function inCu(amount: NanoCu): number {
  return Number(amount) / Number(nanoPerCu);
}

/** Decimal text of a status, for display only. */
function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
