import { stringify } from 'yaml';

/** One alert of the chart's PrometheusRule. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: 'info' | 'warning' | 'critical' };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/**
 * A figure of a budget without the labels of the operator's pod: an operator that is started anew must not look like another
 * budget without a past.
 */
function of(metric: string): string {
  return `max by (budget_namespace, budget) (sapaibudget_${metric})`;
}

const settled = of('settled_capacity_units');
const remaining = of('remaining_capacity_units');
const leftSeconds = `(${of('period_end_timestamp_seconds')} - time())`;
/** CU per second that would use up exactly what remains. */
const lasting = `clamp_min(${remaining}, 0) / ${leftSeconds}`;
const which = '{{ $labels.budget_namespace }}/{{ $labels.budget }}';
const holder = 'namespace, pod, budget_namespace, budget';

/** Windows with the steps in which they are looked at: the long one is no passing peak, the short one still goes on. */
function fasterThan(factor: number, windows: readonly [string, string]): string {
  const pace = factor === 1 ? lasting : `${factor} * ${lasting}`;
  return windows.map((window) => `deriv((${settled})[${window}]) > ${pace}`).join(' and ');
}

/** Alerts about budgets: what to do is in the description. */
const budgetAlerts: readonly Alert[] = [
  {
    alert: 'SapAiBudgetBurnsFast',
    expr: fasterThan(10, ['1h:1m', '5m:1m']),
    for: '5m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `Budget ${which} is spent ten times as fast as it would last`,
      description:
        'See which pod and model spend it on the dashboard; lower monthlyLimit of the budget to stop it.',
    },
  },
  {
    alert: 'SapAiBudgetWillNotLast',
    expr: fasterThan(1, ['1d:5m', '1h:1m']),
    for: '1h',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Budget ${which} will be spent before its period ends`,
      description: 'At the pace of the last day nothing will be left. Raise monthlyLimit, or spend less.',
    },
  },
  {
    alert: 'SapAiBudgetExhausted',
    expr: 'sum by (budget_namespace, budget) (increase(sapaibudget_denied_total{reason="exhausted"}[15m])) > 0',
    for: '0m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Budget ${which} refuses requests`,
      description: 'It cannot pay for them in this period. Raise monthlyLimit, or wait for the next period.',
    },
  },
  {
    alert: 'SapAiBudgetOvercommitted',
    expr: `${remaining} < 0`,
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Budget ${which} has promised more than its cap`,
      description:
        'Its limit was lowered below what is spent and leased, or a request cost more than its bound. kubectl describe saib says which.',
    },
  },
  {
    alert: 'SapAiBudgetHeldHigh',
    expr: `${of('held_capacity_units')} > 0.05 * ${of('limit_capacity_units')}`,
    for: '1h',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Budget ${which} holds more than 5 % of its cap for requests of unknown cost`,
      description: 'The SapAiLedger of the period lists whose they are and since when.',
    },
  },
  {
    alert: 'SapAiBudgetNotReady',
    expr: `${of('budget_ready')} == 0`,
    for: '15m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Pods cannot spend from budget ${which}`,
      description: 'kubectl describe saib says why, in the condition Ready.',
    },
  },
  {
    alert: 'SapAiPodsWithoutSidecar',
    expr: `${of('enforced_pods')} < ${of('selected_pods')}`,
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Pods of budget ${which} run without a sidecar that reports`,
      description:
        'What they spend does not count against the cap. kubectl describe saib names them, in the condition Enforcing.',
    },
  },
  {
    alert: 'SapAiBudgetUsageDataOld',
    // Only where something was spent that SAP should have reported by now: a quiet weekend is no fault.
    expr: `time() - ${of('usage_data_timestamp_seconds')} > 36 * 3600 and delta((${settled})[12h:5m] offset 36h) > 0`,
    for: '1h',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Billed usage of budget ${which} is older than 36 hours`,
      description: 'Something was spent since. kubectl describe saib says why, in the condition UsageSynced.',
    },
  },
];

/** Alerts about the parts. */
const partAlerts: readonly Alert[] = [
  {
    alert: 'SapAiSidecarCannotRenew',
    expr: `min by (${holder}) (sapaibudget_lease_expiry_timestamp_seconds) - time() < 0 and sum by (${holder}) (sapaibudget_lease_capacity_units{state=~"available|in_flight"}) > 0`,
    for: '2m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'The sidecar of {{ $labels.namespace }}/{{ $labels.pod }} cannot renew its lease',
      description: 'It spends what it holds and then refuses. See whether it reaches the operator.',
    },
  },
  {
    alert: 'SapAiSidecarWithoutToken',
    expr: 'sum by (namespace, pod) (increase(sapaibudget_upstream_token_refresh_total{result="failed"}[10m])) > 0',
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'The sidecar of {{ $labels.namespace }}/{{ $labels.pod }} gets no SAP access token',
      description: 'Its log, and the condition CredentialsValid of its budget, say why.',
    },
  },
  {
    alert: 'SapAiBoundNearlyReached',
    expr: 'max by (model) (sapaibudget_bound_use_max_ratio) > 0.9',
    for: '0m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'A request with {{ $labels.model }} cost over 90 % of its bound',
      description: 'One that costs more closes its route. Check the rates of the model in the rate card.',
    },
  },
  {
    alert: 'SapAiOperatorAbsent',
    expr: 'absent(sapaibudget_build_info)',
    for: '10m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'The operator of SAP AI budgets is not there',
      description: 'Sidecars go on with the leases they have and then refuse.',
    },
  },
  {
    alert: 'SapAiOperatorWithoutLeader',
    expr: 'max(sapaibudget_leader) == 0',
    for: '5m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'No operator leads',
      description:
        'Pods are served, but limits are not copied into ledgers, no new period is opened and no status is written. The operators say in their logs why they cannot write the Lease sap-ai-budget-operator.',
    },
  },
  {
    alert: 'SapAiLedgerWritesFail',
    expr: 'sum(increase(sapaibudget_ledger_writes_total{outcome="failed"}[15m])) > 0',
    for: '15m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'Ledgers of SAP AI budgets cannot be written',
      description: "Nothing is leased any more. The operator's log says why.",
    },
  },
  {
    alert: 'SapAiCertificateEnds',
    expr: 'sapaibudget_certificate_expiry_timestamp_seconds - time() < 7 * 86400',
    for: '1h',
    labels: { severity: 'critical' },
    annotations: {
      summary: "The operator's certificate ends in less than 7 days",
      description: "It should have been renewed: the operator's log says why not.",
    },
  },
];

/** All alerts, in the groups of the PrometheusRule. */
export const alertGroups: readonly { name: string; rules: readonly Alert[] }[] = [
  { name: 'sap-ai-budget.budgets', rules: budgetAlerts },
  { name: 'sap-ai-budget.parts', rules: partAlerts },
];

/** The groups as Prometheus reads them from a file. */
export function renderAlerts(): string {
  const text = stringify({ groups: alertGroups }, { lineWidth: 0, aliasDuplicateObjects: false });
  return `# Generated from charts/alerts.ts by \`make generate\`. Do not edit.\n${text}`;
}
