const perBudget = ['budget', 'budget_namespace'] as const;
const perModel = [...perBudget, 'model', 'resource_group'] as const;
/** The last three are OpenTelemetry's, with dots as underscores, so that dashboards made for them find these series. */
const perOperation = [
  ...perModel,
  'gen_ai_operation_name',
  'gen_ai_provider_name',
  'gen_ai_request_model',
] as const;

const inference = 'gen_ai_client_inference_usage';
const operation = 'gen_ai_client_operation';
const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];
/** The buckets that OpenTelemetry's conventions for generative AI name, for durations and for tokens. */
const durationBuckets = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const tokenBuckets = Array.from({ length: 14 }, (_, power) => 4 ** power);

/**
 * All metrics of the sidecar. Who scrapes it adds `namespace` and `pod`. Label values are closed sets: budgets and
 * models of the configuration, reasons and outcomes of this program; never a text that a client has sent.
 */
export const sidecarMetricTable = {
  inputTokens: {
    type: 'counter',
    name: `${inference}_input_tokens_total`,
    help: 'Input tokens SAP reported, cached ones included.',
    labels: perOperation,
  },
  outputTokens: {
    type: 'counter',
    name: `${inference}_output_tokens_total`,
    help: 'Output tokens SAP reported, reasoning included.',
    labels: perOperation,
  },
  cacheReadTokens: {
    type: 'counter',
    name: `${inference}_cache_read_input_tokens_total`,
    help: 'Input tokens read from a cache, part of input.',
    labels: perOperation,
  },
  reasoningTokens: {
    type: 'counter',
    name: `${inference}_reasoning_output_tokens_total`,
    help: 'Reasoning tokens, part of output.',
    labels: perOperation,
  },
  tokenUsage: {
    type: 'histogram',
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of a request as SAP reported them; gen_ai_token_type is input or output.',
    labels: [...perOperation, 'gen_ai_token_type'],
    buckets: tokenBuckets,
  },
  duration: {
    type: 'histogram',
    name: `${operation}_duration_seconds`,
    help: 'From the arrival of a request to the end of its answer; error_type is empty where it went well.',
    labels: [...perOperation, 'error_type'],
    buckets: durationBuckets,
  },
  firstChunk: {
    type: 'histogram',
    name: `${operation}_time_to_first_chunk_seconds`,
    help: 'From the arrival of a request to the first event of its stream.',
    labels: perOperation,
    buckets: durationBuckets,
  },
  outputChunk: {
    type: 'histogram',
    name: `${operation}_time_per_output_chunk_seconds`,
    help: 'Between one event of a stream and the next.',
    labels: perOperation,
    buckets: [0.001, 0.0025, ...durationBuckets],
  },
  spent: {
    type: 'counter',
    name: 'sapaibudget_spent_capacity_units_total',
    help: 'Capacity units that requests cost, as booked.',
    labels: [...perModel, 'component'],
  },
  requests: {
    type: 'counter',
    name: 'sapaibudget_requests_total',
    help: 'Inference requests by how they ended.',
    labels: [...perBudget, 'outcome', 'code_class'],
  },
  denied: {
    type: 'counter',
    name: 'sapaibudget_denied_total',
    help: 'Requests the sidecar answered with an error, by reason; budget is empty where none was known yet.',
    labels: [...perBudget, 'reason'],
  },
  unknownUsage: {
    type: 'counter',
    name: 'sapaibudget_unknown_usage_total',
    help: 'Requests whose cost is not known and held at its worst case, by reason.',
    labels: [...perBudget, 'reason'],
  },
  clamped: {
    type: 'counter',
    name: 'sapaibudget_clamped_requests_total',
    help: 'Requests whose output limit was lowered to what the budget can pay.',
    labels: perModel,
  },
  overrun: {
    type: 'counter',
    name: 'sapaibudget_overrun_requests_total',
    help: 'Requests that cost more than they had reserved.',
    labels: perModel,
  },
  boundUse: {
    type: 'gauge',
    name: 'sapaibudget_bound_use_max_ratio',
    help: 'Largest real cost of a request divided by its reservation.',
    labels: ['model'],
  },
  overhead: {
    type: 'histogram',
    name: 'sapaibudget_overhead_seconds',
    help: 'Time the sidecar adds; phase is admit (until SAP is called) or total (of answers that are no streams).',
    labels: ['phase'],
    buckets: overheadBuckets,
  },
  inFlight: {
    type: 'gauge',
    name: 'sapaibudget_in_flight_requests',
    help: 'Inference requests under way.',
    labels: [],
  },
  unmeteredHeaders: {
    type: 'counter',
    name: 'sapaibudget_unmetered_header_calls_total',
    help: 'Calls with headers of unified metering that SAP would not count: one is missing or not valid.',
    labels: perBudget,
  },
  throttled: {
    type: 'counter',
    name: 'sapaibudget_upstream_throttled_total',
    help: 'Answers 429 of SAP, which are no refusals of the budget.',
    labels: perModel,
  },
  leaseUnits: {
    type: 'gauge',
    name: 'sapaibudget_lease_capacity_units',
    help: "Capacity units of this sidecar's lease; state is available, in_flight or unknown.",
    labels: [...perBudget, 'state'],
  },
  leaseExpiry: {
    type: 'gauge',
    name: 'sapaibudget_lease_expiry_timestamp_seconds',
    help: 'When the lease ends if the operator stays silent.',
    labels: perBudget,
  },
  leasesBarred: {
    type: 'gauge',
    name: 'sapaibudget_leases_barred',
    help: 'Leases never spent again, because their figures contradict the ledger.',
    labels: [],
  },
  tokenRefresh: {
    type: 'counter',
    name: 'sapaibudget_upstream_token_refresh_total',
    help: 'SAP access tokens fetched from the operator.',
    labels: ['result'],
  },
} as const;
