import type { NanoCu } from '../accounting/amount.ts';
import { formatAmount } from '../accounting/amount.ts';
import type { Catalogue } from './catalogue.ts';
import type { LeaseHolder, Reservation } from './lease/holder.ts';
import type { BoundedChat } from './steps/bound-request.ts';
import type { Target } from './steps/select-deployment.ts';

/** A request that may be sent: everything that was decided about it, and the money it has. */
export interface Admission {
  readonly catalogue: Catalogue;
  readonly target: Target;
  readonly chat: BoundedChat;
  readonly holder: LeaseHolder;
  readonly reservation: Reservation;
  /** The output limit the budget allows, when it is below the one asked for. */
  readonly clampedTokens: number | undefined;
}

/** The headers that every answer to an admitted request carries. */
export function admissionHeaders(admission: Admission, requestId: string): Record<string, string> {
  const { catalogue, target, reservation, clampedTokens } = admission;
  const { namespace, budget, ledger, priceVersion } = catalogue.budget;
  return {
    'sapaibudget-request-id': requestId,
    'sapaibudget-budget': `${namespace}/${budget}`,
    'sapaibudget-period': ledger.period.name,
    'sapaibudget-cu-reserved': formatAmount(reservation.amount),
    'sapaibudget-price-version': priceVersion,
    'sapaibudget-deployment': target.deploymentId,
    'sapaibudget-model': target.model.model,
    ...(clampedTokens !== undefined && { 'sapaibudget-max-tokens-clamped': String(clampedTokens) }),
  };
}

/** The headers that say what a request cost, all nano-CU. */
export function costHeaders(price: { total: NanoCu; input: NanoCu; output: NanoCu }): Record<string, string> {
  return {
    'sapaibudget-cu-actual': formatAmount(price.total),
    'sapaibudget-cu-input': formatAmount(price.input),
    'sapaibudget-cu-output': formatAmount(price.output),
  };
}

/** The header that says what is held because nobody knows what a request cost. */
export function heldHeader({ reservation }: Admission): Record<string, string> {
  return { 'sapaibudget-cu-held': formatAmount(reservation.amount) };
}
