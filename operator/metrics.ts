import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { NanoCu } from '../accounting/amount.ts';
import { nanoPerCu } from '../accounting/amount.ts';
import type { LedgerEvent } from '../accounting/ledger-transitions.ts';
import type { BudgetRef } from './configuration/budget-ref.ts';
import type { ReconcileReport } from './kube/controller.ts';
import type { LedgerSnapshot } from './ledger/ledger-snapshot.ts';
import type { WebhookOutcome } from './webhook/webhook-service.ts';

const budgetLabels = ['budget', 'budget_namespace'] as const;

/** Figures of a budget's current period. */
const budgetGauges = {
  limit: ['sapaibudget_limit_capacity_units', 'Cap of the current period.'],
  settled: ['sapaibudget_settled_capacity_units', 'Spent in the current period.'],
  outstanding: ['sapaibudget_outstanding_capacity_units', 'Leased to pods, not yet spent.'],
  held: ['sapaibudget_held_capacity_units', 'Set aside at worst case until its cost is known.'],
  remaining: ['sapaibudget_remaining_capacity_units', 'Left to lease; below zero when overcommitted.'],
  overrun: ['sapaibudget_overrun_capacity_units', 'Spent beyond what was granted.'],
  periodEnd: ['sapaibudget_period_end_timestamp_seconds', 'End of the current period.'],
  ready: ['sapaibudget_budget_ready', 'Whether pods can spend from the budget (1) or not (0).'],
} as const;
type BudgetGauge = keyof typeof budgetGauges;

const controllers = ['budget', 'rate_card', 'authority_maps', 'ca_bundle', 'usage'] as const;
export type ControllerName = (typeof controllers)[number];
const results = ['done', 'waiting', 'stalled', 'error'] as const;
const ledgerEvents: readonly LedgerEvent['type'][] = [
  'LeaseExpired',
  'LeaseReclaimed',
  'LeaseLost',
  'Overrun',
  'ReleaseRevoked',
  'ReportRefused',
];
const writeOutcomes = ['written', 'conflict', 'unclear', 'failed'] as const;

/** A refusal is rare and has a reason of its own each time; these are what rates are built from. */
const admissionsAtZero: readonly WebhookOutcome[] = ['injected', 'unchanged', 'failed'];

/** All metrics of the operator, created at 0 where their labels are known beforehand. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #budgets: Record<BudgetGauge, Gauge<(typeof budgetLabels)[number]>>;
  readonly #reconciles = new Counter({
    name: 'sapaibudget_reconcile_total',
    help: 'Reconciles by controller and result.',
    labelNames: ['controller', 'result'] as const,
    registers: [this.registry],
  });
  readonly #reconcileSeconds = new Histogram({
    name: 'sapaibudget_reconcile_duration_seconds',
    help: 'How long reconciles take.',
    labelNames: ['controller'] as const,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [this.registry],
  });
  readonly #ledgerEvents = new Counter({
    name: 'sapaibudget_ledger_events_total',
    help: 'What happened to leases, by the reason of its event.',
    labelNames: ['reason'] as const,
    registers: [this.registry],
  });
  readonly #ledgerWrites = new Counter({
    name: 'sapaibudget_ledger_writes_total',
    help: 'Writes of ledgers by outcome.',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  readonly #ledgerBytes = new Counter({
    name: 'sapaibudget_ledger_written_bytes_total',
    help: 'Bytes of ledgers that were written.',
    registers: [this.registry],
  });
  readonly #requests = new Counter({
    name: 'sapaibudget_endpoint_requests_total',
    help: 'Requests of sidecars by call and outcome.',
    labelNames: ['call', 'outcome'] as const,
    registers: [this.registry],
  });
  readonly #requestSeconds = new Histogram({
    name: 'sapaibudget_endpoint_request_duration_seconds',
    help: 'How long requests of sidecars take; configuration is a long poll.',
    labelNames: ['call'] as const,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [this.registry],
  });
  readonly #apiCalls = new Counter({
    name: 'sapaibudget_kubernetes_requests_total',
    help: 'Calls to the Kubernetes API by method and class of status; 0 is no answer.',
    labelNames: ['method', 'code_class'] as const,
    registers: [this.registry],
  });

  readonly #admissions = new Counter({
    name: 'sapaibudget_admissions_total',
    help: 'Questions of the API server about new pods by outcome; only a selected pod is asked about.',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  readonly #admissionSeconds = new Histogram({
    name: 'sapaibudget_admission_duration_seconds',
    help: 'How long answers about new pods take.',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 5],
    registers: [this.registry],
  });

  constructor({ version }: { version: string }) {
    collectDefaultMetrics({ register: this.registry });
    const registers = [this.registry];
    const gauge = (key: BudgetGauge): Gauge<(typeof budgetLabels)[number]> => {
      const [name, help] = budgetGauges[key];
      return new Gauge({ name, help, labelNames: budgetLabels, registers });
    };
    this.#budgets = {
      limit: gauge('limit'),
      settled: gauge('settled'),
      outstanding: gauge('outstanding'),
      held: gauge('held'),
      remaining: gauge('remaining'),
      overrun: gauge('overrun'),
      periodEnd: gauge('periodEnd'),
      ready: gauge('ready'),
    };
    new Gauge({
      name: 'sapaibudget_build_info',
      help: 'Version of the program; always 1.',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);
    this.#createAtZero();
  }

  /** Figures of a budget; without `ready` the budget is gone, and so are they. */
  observeBudget({
    budget,
    ledger,
    ready,
  }: {
    budget: BudgetRef;
    ledger?: LedgerSnapshot;
    ready?: boolean;
  }): void {
    const labels = { budget: budget.name, budget_namespace: budget.namespace };
    if (ready === undefined) {
      for (const gauge of Object.values(this.#budgets)) gauge.remove(labels);
      return;
    }
    this.#budgets.ready.set(labels, ready ? 1 : 0);
    if (ledger === undefined) return;
    this.#budgets.limit.set(labels, inCu(ledger.cap));
    this.#budgets.settled.set(labels, inCu(ledger.settled));
    this.#budgets.outstanding.set(labels, inCu(ledger.outstanding));
    this.#budgets.held.set(labels, inCu(ledger.held));
    this.#budgets.remaining.set(labels, inCu(ledger.available));
    this.#budgets.overrun.set(labels, inCu(ledger.overrun));
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

  #createAtZero(): void {
    for (const controller of controllers) {
      for (const result of results) this.#reconciles.inc({ controller, result }, 0);
    }
    for (const reason of ledgerEvents) this.#ledgerEvents.inc({ reason }, 0);
    for (const outcome of admissionsAtZero) this.#admissions.inc({ outcome }, 0);
    for (const outcome of writeOutcomes) this.#ledgerWrites.inc({ outcome }, 0);
  }
}

/** For display only: nothing is ever counted with it. */
function inCu(amount: NanoCu): number {
  return Number(amount) / Number(nanoPerCu);
}
