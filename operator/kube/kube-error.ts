/** Reasons that the API server gives in a Status, as far as callers tell them apart. */
const statusReasons = [
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Expired',
  'Gone',
  'Forbidden',
  'Unauthorized',
  'Invalid',
  'BadRequest',
  'TooManyRequests',
  'ServerTimeout',
  'Timeout',
  'InternalError',
  'ServiceUnavailable',
  'MethodNotAllowed',
  'NotAcceptable',
  'UnsupportedMediaType',
  'RequestEntityTooLarge',
] as const;

/**
 * Why a call failed. Beside the server's reasons: `TimedOut` no answer within the request's time;
 * `Unreachable` no connection, or one that broke; `InvalidAnswer` not JSON, or larger than allowed;
 * `NoSuchResource` a 404 that names no object: the kind is not installed, or this is no API server. It must never be taken for
 * "the object does not exist"; `Unknown` a reason not listed here.
 */
export type KubeErrorReason =
  | (typeof statusReasons)[number]
  | 'TimedOut'
  | 'Unreachable'
  | 'InvalidAnswer'
  | 'NoSuchResource'
  | 'Unknown';

/** A Status object, as the API server answers errors and sends them inside a watch. */
export interface KubeStatus {
  code?: number;
  reason?: string;
  message?: string;
  details?: { name?: string; retryAfterSeconds?: number };
}

interface KubeErrorOptions {
  /** HTTP status, 0 where there was no (usable) answer. */
  code: number;
  reason: KubeErrorReason;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

const maxMessageLength = 1024;

/** A call to the API server failed. The message names the call and what the server said, never a token. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: number;
  readonly reason: KubeErrorReason;
  /** How long the server asked us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { code, reason, retryAfterMs, cause }: KubeErrorOptions) {
    super(redact(message).slice(0, maxMessageLength), cause === undefined ? undefined : { cause });
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** True where a write may have been applied although the call failed: read again before deciding. */
  get outcomeUnknown(): boolean {
    return this.code === 0 || this.code >= 500 || (this.code >= 200 && this.code < 300);
  }

  /** From a Status body, or from nothing but the HTTP code where the body is none. */
  static fromStatus(
    call: string,
    status: KubeStatus,
    { code, retryAfterMs }: { code: number; retryAfterMs?: number | undefined },
  ): KubeError {
    const seconds = status.details?.retryAfterSeconds;
    return new KubeError(`${call}: ${status.message ?? `HTTP ${code}`}`, {
      code,
      reason: reasonOf(status, code),
      retryAfterMs: retryAfterMs ?? (typeof seconds === 'number' ? seconds * 1000 : undefined),
    });
  }
}

/** True for a KubeError with one of these reasons. */
export function isKubeError(error: unknown, ...reasons: KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && (reasons.length === 0 || reasons.includes(error.reason));
}

function reasonOf({ reason: text, details }: KubeStatus, code: number): KubeErrorReason {
  if (code === 404) return details?.name === undefined ? 'NoSuchResource' : 'NotFound';
  const known = statusReasons.find((reason) => reason === text);
  if (known !== undefined) return known;
  // Proxies and overload protection in front of the server answer without a Status.
  if (code === 429) return 'TooManyRequests';
  if (code === 503) return 'ServiceUnavailable';
  if (code === 410) return 'Gone';
  if (code === 401) return 'Unauthorized';
  return code === 403 ? 'Forbidden' : 'Unknown';
}

/**
 * The server quotes bytes of the body where it cannot decode it ("error found in #10 byte of ...|"), and the body may be a
 * Secret; a token may be quoted by whoever stands between.
 */
function redact(message: string): string {
  return message
    .replace(/,? ?error found in #\d+ byte of[\s\S]*$/, ' (the quoted body is left out)')
    .replace(/\bBearer\s+\S+/gi, 'Bearer [redacted]')
    .replace(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '[redacted]');
}
