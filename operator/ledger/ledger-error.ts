/**
 * Why a ledger cannot be used now.
 *
 * - `lost`: it is gone, or older than what was seen of it; no grants until a person has looked
 * - `other_period`: an object of its name is there, but of other dates
 * - `period_over`: there is none, and its period is over: it is not opened any more
 * - `other_parent`: it is a holder in the ledger of another budget, or in none, until its period ends
 * - `full`: no more rows fit into the object
 * - `unavailable`: the API server does not answer, or somebody else keeps writing; try again
 * - `overloaded`: more changes are waiting than are kept; try again
 * - `stopping`: this process ends; try again
 */
export type LedgerErrorReason =
  | 'lost'
  | 'other_period'
  | 'period_over'
  | 'other_parent'
  | 'full'
  | 'unavailable'
  | 'overloaded'
  | 'stopping';

const passing: ReadonlySet<string> = new Set<LedgerErrorReason>([
  'full',
  'unavailable',
  'overloaded',
  'stopping',
]);

/** Whether what is known of the ledger is still true: holders go on with what they have. */
export function isPassing(reason: string): boolean {
  return passing.has(reason);
}

/** A ledger cannot be read or written. One that does not add up is a LedgerTextError instead. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly reason: LedgerErrorReason;

  constructor(reason: LedgerErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
