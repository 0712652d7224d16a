import { z } from 'zod';
import { LedgerTextError } from '../../accounting/entries-text.ts';
import type { endpointError } from '../../accounting/messages.ts';
import { StoredObjectError } from '../../crds/parse.ts';
import { KubeError } from '../kube/kube-error.ts';
import { LedgerError } from '../ledger/ledger-error.ts';
import { SapError } from '../sap/sap-error.ts';

/** Every way in which a call gets no answer: HTTP status, and what to do about it. */
const table = {
  malformed: [
    400,
    'the body is not a message of this version: use the sidecar that belongs to this operator',
  ],
  token_missing: [401, 'send the pod’s projected token (audience sapai.eerly.ai) as bearer token'],
  token_refused: [
    401,
    'the API server does not accept this token for the audience sapai.eerly.ai: read it anew',
  ],
  token_not_bound: [
    401,
    'the token belongs to no pod: use a projected volume, not a token of a ServiceAccount',
  ],
  pod_gone: [401, 'the pod of this token does not exist any more'],
  pod_finished: [401, 'the pod of this token has finished: it gets nothing any more'],
  budget_not_allowed: [403, 'the pod does not name this budget: label it with sapai.eerly.ai/budget'],
  ledger_of_other_budget: [403, 'the ledger belongs to another budget: fetch the configuration again'],
  process_superseded: [403, 'a newer process of this pod holds the lease, or none is open: open it first'],
  path_unknown: [404, 'there is no such call: POST to /v1/configuration, /v1/token or /v1/lease'],
  body_too_large: [413, 'the body is larger than 256 KiB'],
  busy: [503, 'too many calls of this pod are under way: wait for their answers'],
  ledger_unavailable: [503, 'the ledger cannot be written now: try again'],
  ledger_unusable: [
    503,
    'the ledger cannot be used until a person has looked: see the SapAiBudget’s conditions',
  ],
  token_unavailable: [503, 'there is no SAP access token now: see the SapAiBudget’s conditions'],
  api_unavailable: [503, 'the Kubernetes API does not answer the operator: try again'],
  stopping: [503, 'the operator is stopping: try again'],
  internal: [503, 'the operator failed: see its log, and try again'],
} as const satisfies Record<string, readonly [number, string]>;

export type EndpointErrorReason = keyof typeof table;

/** What there is to do about a refusal. */
export function adviceFor(reason: EndpointErrorReason): string {
  return table[reason][1];
}

/** A call that gets no answer; the message is sent to the sidecar, so it must not hold secrets. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  readonly reason: EndpointErrorReason;

  /** `detail` goes in front of what the table says to do. */
  constructor(reason: EndpointErrorReason, detail?: string, options?: ErrorOptions) {
    const advice = adviceFor(reason);
    super(detail === undefined ? advice : `${detail}: ${advice}`, options);
    this.reason = reason;
  }
}

/** Reads a message; EndpointError `malformed` names the first field that is wrong. */
export function parseMessage<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.map(String).join('.') || 'the body';
  throw new EndpointError('malformed', `${field}: ${issue?.message ?? 'not understood'}`);
}

/** What is sent instead of an answer. */
export interface ErrorAnswer {
  status: number;
  reason: EndpointErrorReason;
  body: z.infer<typeof endpointError>;
}

const maxMessageLength = 1024;

/** The one place where an error becomes a status and a body. */
export function errorAnswer(error: unknown): ErrorAnswer {
  const { reason, message } = error instanceof EndpointError ? error : asEndpointError(error);
  const [status] = table[reason];
  return { status, reason, body: { error: { reason, message: message.slice(0, maxMessageLength) } } };
}

function asEndpointError(error: unknown): EndpointError {
  if (error instanceof LedgerError) return ledgerProblem(error);
  if (error instanceof LedgerTextError || error instanceof StoredObjectError)
    return new EndpointError('ledger_unusable', error.message);
  if (error instanceof SapError) return new EndpointError('token_unavailable', error.message);
  if (error instanceof KubeError) return new EndpointError('api_unavailable', error.message);
  if (error instanceof Error && error.name === 'TimeoutError') return new EndpointError('api_unavailable');
  return bodyProblem(error) ?? new EndpointError('internal');
}

function ledgerProblem({ reason, message }: LedgerError): EndpointError {
  if (reason === 'stopping') return new EndpointError('stopping');
  const lasting = reason === 'lost' || reason === 'other_period' || reason === 'full';
  return new EndpointError(lasting ? 'ledger_unusable' : 'ledger_unavailable', message);
}

/** What express says about a body carries a `type`; its message may quote the body and is not repeated. */
function bodyProblem(error: unknown): EndpointError | undefined {
  const parsed = z.object({ type: z.string(), status: z.int().min(400).max(499) }).safeParse(error);
  if (!parsed.success) return undefined;
  if (parsed.data.type === 'entity.too.large') return new EndpointError('body_too_large');
  return new EndpointError('malformed', `the body cannot be read (${parsed.data.type})`);
}
