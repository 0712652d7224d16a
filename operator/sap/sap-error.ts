/** Why SAP, or the key for it, cannot be used; conditions and events say the same word. */
export type SapErrorReason =
  | 'KeyNotFound' // the named entry is not in the Secret
  | 'ServiceKeyMalformed' // not JSON, or a member of the wrong kind
  | 'ServiceKeyIncomplete' // members are missing
  | 'CertificateKeyUnsupported' // an X.509 key: no client secret
  | 'UrlNotAllowed' // a URL of the key is not one of SAP's
  | 'CredentialsInvalid' // SAP gives no token for them
  | 'TokenEndpointUnavailable' // no token just now: no answer, an error, or nonsense
  | 'AiCoreUnavailable' // no answer from AI Core, or an error of its own
  | 'AiCoreAnswerInvalid' // an answer that is not AI Core's: HTML, cut off, too large
  | 'AccessDenied' // AI Core does not accept the token
  | 'ResourceGroupNotFound'
  | 'AiCoreRefused' // AI Core found a fault in our request
  | 'UsageUnavailable' // no answer from Usage Data Management, or an error of its own
  | 'UsageAnswerInvalid' // an answer that is not usage data: HTML, cut off, a figure that is none
  | 'UsageEmpty' // an answer without rows for days that had some
  | 'UsageForbidden' // the key may not read this usage
  | 'ServiceManagerUnavailable'
  | 'ServiceManagerAnswerInvalid'
  | 'ServiceManagerForbidden'
  | 'BudgetUnavailable'; // nobody can spend from this budget now

interface SapErrorOptions {
  /** How long SAP asked us to wait. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** A message that says what failed and what to do, and never holds a secret. */
export class SapError extends Error {
  override readonly name = 'SapError';
  readonly reason: SapErrorReason;
  readonly retryAfterMs: number | undefined;

  constructor(reason: SapErrorReason, message: string, { retryAfterMs, cause }: SapErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}
