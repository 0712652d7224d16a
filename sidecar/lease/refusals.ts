import { LeaseError } from './lease-error.ts';

/** The operator owes an answer for longer than a request may wait. */
export function silent(): LeaseError {
  return unavailable('the operator cannot be reached, and the lease it gave does not cover this request');
}

/** What the operator says is left is gone each time. */
export function ungranted(): LeaseError {
  return unavailable('the operator does not grant what it says is left');
}

/** A later request is admitted in the next period. */
export function retired(): LeaseError {
  return unavailable('the period of this request has just ended: try again');
}

/** Nothing may be spent from this lease now. */
export function unavailable(message: string): LeaseError {
  return new LeaseError('lease_unavailable', message);
}
