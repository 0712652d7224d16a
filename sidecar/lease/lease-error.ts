import type { NanoCu } from '../../accounting/amount.ts';
import type { LedgerFigures } from '../../accounting/messages.ts';

/** Why nothing could be reserved. */
export type LeaseErrorReason =
  | 'exhausted' // the operator was asked, and the cap does not allow it
  | 'lease_unavailable' // the operator cannot be asked, or will not answer this sidecar
  | 'journal_unavailable' // a reservation could not be written down
  | 'too_many_waiting'
  | 'client_gone';

/** What a refusal for lack of budget is explained with, nano-CU. */
export interface Shortage {
  readonly ledger: LedgerFigures;
  /** Settled by this sidecar and not yet in the ledger's figures. */
  readonly unreported: NanoCu;
  /** Idle in this sidecar's own lease. */
  readonly idle: NanoCu;
}

/** A reservation that was not made. */
export class LeaseError extends Error {
  override readonly name = 'LeaseError';
  readonly reason: LeaseErrorReason;
  /** Present with `exhausted`. */
  readonly shortage: Shortage | undefined;

  constructor(reason: LeaseErrorReason, message: string, options?: ErrorOptions & { shortage?: Shortage }) {
    super(message, options);
    this.reason = reason;
    this.shortage = options?.shortage;
  }
}
