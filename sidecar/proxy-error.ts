/** How each reason is answered; the only place where a status is decided. */
const answers = {
  exhausted: { status: 429, retry: false },
  not_authenticated: { status: 401, retry: false },
  unsupported_grant: { status: 400, retry: false },
  budget_not_allowed: { status: 403, retry: false },
  resource_group_not_allowed: { status: 403, retry: false },
  model_not_allowed: { status: 403, retry: false },
  path_not_supported: { status: 404, retry: false },
  model_not_found: { status: 404, retry: false },
  deployment_not_found: { status: 404, retry: false },
  deployment_not_running: { status: 404, retry: false },
  request_not_found: { status: 404, retry: false },
  malformed_body: { status: 400, retry: false },
  request_not_bounded: { status: 400, retry: false },
  no_output_bound: { status: 400, retry: false },
  model_unknown: { status: 400, retry: false },
  model_unpriced: { status: 400, retry: false },
  body_too_large: { status: 413, retry: false },
  encoding_not_supported: { status: 415, retry: false },
  client_gone: { status: 499, retry: false },
  internal_error: { status: 500, retry: false },
  upstream_unreachable: { status: 502, retry: true },
  upstream_connection_lost: { status: 502, retry: false },
  upstream_redirect: { status: 502, retry: false },
  upstream_answer_too_long: { status: 502, retry: false },
  upstream_encoding: { status: 502, retry: false },
  bound_exceeded: { status: 503, retry: false },
  budget_unavailable: { status: 503, retry: true },
  configuration_unavailable: { status: 503, retry: true },
  journal_unavailable: { status: 503, retry: true },
  lease_unavailable: { status: 503, retry: true },
  shutting_down: { status: 503, retry: true },
  token_unavailable: { status: 503, retry: true },
  too_many_bodies: { status: 503, retry: true },
  too_many_waiting: { status: 503, retry: true },
} as const satisfies Record<string, { status: number; retry: boolean }>;

/** Why a request is refused, or could not be served: the same word in answer, log and metric. */
export type ProxyReason = keyof typeof answers;

/** All reasons, for metrics that begin at 0. */
export const proxyReasons: readonly ProxyReason[] = Object.keys(answers).filter(isProxyReason);

/** Facts beside the message, for programs: amounts as decimal CU, times as ISO text. */
export type ProxyErrorFacts = Readonly<Record<string, string | number>>;

/** A request that is answered by the sidecar itself, with an error. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly reason: ProxyReason;
  /** The field of the request's body that is to blame. */
  readonly field: string | undefined;
  readonly facts: ProxyErrorFacts;

  constructor(
    reason: ProxyReason,
    message: string,
    options: ErrorOptions & { field?: string; facts?: ProxyErrorFacts } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.field = options.field;
    this.facts = options.facts ?? {};
  }

  get status(): number {
    return answers[this.reason].status;
  }

  /** Whether the same request may succeed a little later. */
  get retry(): boolean {
    return answers[this.reason].retry;
  }
}

function isProxyReason(text: string): text is ProxyReason {
  return text in answers;
}
