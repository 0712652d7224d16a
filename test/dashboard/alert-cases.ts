/** Series that Prometheus is made to have seen, and what it then has to say. */
export interface AlertCase {
  /** A sentence. */
  readonly what: string;
  /** The one alert that fires; undefined: none does. */
  readonly alert?: string;
  /** Values as promtool writes them, one a minute. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const labels = { budget_namespace: 'team-a', budget: 'chat' };
const holderLabels = { ...labels, namespace: 'team-a', pod: 'chat-0' };
const own = 'budget_namespace="team-a",budget="chat"';
const holder = `${own},namespace="team-a",pod="chat-0"`;
const pod = 'namespace="team-a",pod="chat-0"';
/** The period ends ten days (s) after the first minute. */
const end = '864000x2000';

/** A budget of 100 CU of which so much is spent, minute by minute. */
function budget(settled: string, remaining: string): Record<string, string> {
  return {
    [`sapaibudget_limit_capacity_units{${own}}`]: '100x2000',
    [`sapaibudget_settled_capacity_units{${own}}`]: settled,
    [`sapaibudget_remaining_capacity_units{${own}}`]: remaining,
    [`sapaibudget_period_end_timestamp_seconds{${own}}`]: end,
  };
}

/** One for each alert, and quiet ones that come close. */
export const cases: readonly AlertCase[] = [
  {
    what: 'a budget that is spent twenty times as fast as it would last is an alert within the hour',
    alert: 'SapAiBudgetBurnsFast',
    // 100 CU in 14,400 minutes would be 0.007 a minute.
    series: budget('0+0.14x2000', '100-0.14x2000'),
    at: '40m',
    labels,
  },
  {
    what: 'a budget that is spent twice as fast as it would last is an alert within the day',
    alert: 'SapAiBudgetWillNotLast',
    series: budget('0+0.014x2000', '100-0.014x2000'),
    at: '3h',
    labels,
  },
  {
    what: 'a budget that will last is none',
    series: budget('0+0.0065x2000', '100-0.0065x2000'),
    at: '3h',
  },
  {
    what: 'a peak that is over is none',
    series: budget('0+1x10 10x2000', '100-1x10 90x2000'),
    at: '40m',
  },
  {
    what: 'an operator that was started anew during a short peak is none',
    series: {
      ...budget('0x2000', '100x2000'),
      [`sapaibudget_settled_capacity_units{${own}}`]: '10x60 _x2000',
      [`sapaibudget_settled_capacity_units{${own},pod="operator-1"}`]: '_x60 10+0.1x8 10.8x2000',
    },
    at: '70m',
  },
  {
    what: 'a pod without a sidecar is an alert',
    alert: 'SapAiPodsWithoutSidecar',
    series: {
      [`sapaibudget_selected_pods{${own}}`]: '3x30',
      [`sapaibudget_enforced_pods{${own}}`]: '2x30',
    },
    at: '15m',
    labels,
  },
  {
    what: 'a pod whose sidecar is about to report is none',
    series: {
      [`sapaibudget_selected_pods{${own}}`]: '3x30',
      [`sapaibudget_enforced_pods{${own}}`]: '2x5 3x25',
    },
    at: '15m',
  },
  {
    what: 'a refusal for want of budget is an alert',
    alert: 'SapAiBudgetExhausted',
    series: { [`sapaibudget_denied_total{${holder},reason="exhausted"}`]: '0x10 3x20' },
    at: '15m',
    labels,
  },
  {
    what: 'a refusal for another reason is none',
    series: { [`sapaibudget_denied_total{${holder},reason="model_unknown"}`]: '0x10 3x20' },
    at: '15m',
  },
  {
    what: 'a budget that promised more than its cap is an alert after ten minutes',
    alert: 'SapAiBudgetOvercommitted',
    series: { [`sapaibudget_remaining_capacity_units{${own}}`]: '-1x30' },
    at: '12m',
    labels,
  },
  {
    what: 'six percent of the cap held for over an hour is an alert',
    alert: 'SapAiBudgetHeldHigh',
    series: {
      [`sapaibudget_limit_capacity_units{${own}}`]: '100x100',
      [`sapaibudget_held_capacity_units{${own}}`]: '6x100',
    },
    at: '65m',
    labels,
  },
  {
    what: 'five percent of the cap held is none',
    series: {
      [`sapaibudget_limit_capacity_units{${own}}`]: '100x100',
      [`sapaibudget_held_capacity_units{${own}}`]: '5x100',
    },
    at: '65m',
  },
  {
    what: 'a budget that is not ready for a quarter of an hour is an alert',
    alert: 'SapAiBudgetNotReady',
    series: { [`sapaibudget_budget_ready{${own}}`]: '0x30' },
    at: '16m',
    labels,
  },
  {
    what: 'usage data that is older than 36 hours and lacks what was spent then is an alert',
    alert: 'SapAiBudgetUsageDataOld',
    series: {
      [`sapaibudget_usage_data_timestamp_seconds{${own}}`]: '0x3000',
      [`sapaibudget_settled_capacity_units{${own}}`]: '0+1x100 100x2900',
    },
    at: '38h',
    labels,
  },
  {
    what: 'usage data of yesterday is none',
    series: {
      [`sapaibudget_usage_data_timestamp_seconds{${own}}`]: '0x3000',
      [`sapaibudget_settled_capacity_units{${own}}`]: '0+1x100 100x2900',
    },
    at: '35h',
  },
  {
    what: 'old usage data of a budget that spent nothing since is none',
    series: {
      [`sapaibudget_usage_data_timestamp_seconds{${own}}`]: '0x3000',
      [`sapaibudget_settled_capacity_units{${own}}`]: '5x3000',
    },
    at: '38h',
  },
  {
    what: 'a lease that ended while something of it was left is an alert',
    alert: 'SapAiSidecarCannotRenew',
    series: {
      [`sapaibudget_lease_expiry_timestamp_seconds{${holder}}`]: '300x30',
      [`sapaibudget_lease_capacity_units{${holder},state="available"}`]: '2x30',
    },
    at: '9m',
    labels: holderLabels,
  },
  {
    what: 'a lease that ended after all of it was given back is none',
    series: {
      [`sapaibudget_lease_expiry_timestamp_seconds{${holder}}`]: '300x30',
      [`sapaibudget_lease_capacity_units{${holder},state="available"}`]: '0x30',
    },
    at: '9m',
  },
  {
    what: 'two operators of which none leads are an alert',
    alert: 'SapAiOperatorWithoutLeader',
    series: {
      'sapaibudget_leader{pod="operator-0"}': '0x30',
      'sapaibudget_leader{pod="operator-1"}': '1x2 0x30',
    },
    at: '9m',
  },
  {
    what: 'a leader that changes is none',
    series: {
      'sapaibudget_leader{pod="operator-0"}': '1x5 0x30',
      'sapaibudget_leader{pod="operator-1"}': '0x6 1x30',
    },
    at: '15m',
  },
  {
    what: 'a sidecar that gets no token is an alert',
    alert: 'SapAiSidecarWithoutToken',
    series: { [`sapaibudget_upstream_token_refresh_total{${pod},result="failed"}`]: '0+1x40' },
    at: '20m',
    labels: { namespace: 'team-a', pod: 'chat-0' },
  },
  {
    what: 'a cost close to its bound is an alert',
    alert: 'SapAiBoundNearlyReached',
    series: { [`sapaibudget_bound_use_max_ratio{${pod},model="gpt-4o"}`]: '0.95x10' },
    at: '5m',
    labels: { model: 'gpt-4o' },
  },
  { what: 'an operator that is not there is an alert', alert: 'SapAiOperatorAbsent', series: {}, at: '12m' },
  {
    what: 'ledgers that cannot be written are an alert',
    alert: 'SapAiLedgerWritesFail',
    series: { 'sapaibudget_ledger_writes_total{outcome="failed"}': '0+1x60' },
    at: '30m',
  },
  {
    what: 'a certificate that ends in six days is an alert',
    alert: 'SapAiCertificateEnds',
    series: { sapaibudget_certificate_expiry_timestamp_seconds: '518400x200' },
    at: '65m',
  },
];
