import type { NanoCu } from '../../accounting/amount.ts';
import type { LedgerFigures } from '../../accounting/messages.ts';

/** Why nothing could be reserved. */
export type LeaseErrorReason =
  | 'exhausted' // the operator was asked, and the cap does not allow it
  | 'lease_unavailable' // the operator cannot be asked, or will not answer this sidecar
  | 'journal_unavailable' // a reservation could not be written down
  | 'too_many_waiting'
  | 'client_gone';

/** A recall round, for people. */
export interface RoundReport {
  readonly number: number;
  /** When it began, ms since the epoch. */
  readonly beganMs: number;
  /** How many holders were asked, and how many did not answer in time. */
  readonly asked: number;
  readonly silent: number;
  /** What those who were asked gave back. */
  readonly returned: NanoCu;
  /** The largest amount that could be granted when it had ended. */
  readonly grantable: NanoCu;
}

/** What a refusal for lack of budget is explained with, nano-CU. */
export interface Shortage {
  readonly ledger: LedgerFigures;
  /** Settled by this sidecar and not yet in the ledger's figures. */
  readonly unreported: NanoCu;
  /** Idle in this sidecar's own lease. */
  readonly idle: NanoCu;
  /** By how much more is spent, reserved and held than the cap allows. */
  readonly overdrawn: NanoCu;
  /** The recall round after which it was refused. */
  readonly round: RoundReport;
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
