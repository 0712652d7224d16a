import type { NanoCu } from '../accounting/amount.ts';
import { formatAmount } from '../accounting/amount.ts';
import type { Catalogue, PricedModel } from './catalogue.ts';
import type { LeaseHolder } from './lease/holder.ts';
import type { Reservation } from './lease/holder-options.ts';
import type { Family } from './families/family.ts';
import type { Demand } from './steps/bound-request.ts';
import type { CallPricing } from './steps/settlement.ts';
import type { Target } from './steps/select-deployment.ts';

/** A request that may be sent: everything that was decided about it, and the money it has. */
export interface Admission {
  readonly catalogue: Catalogue;
  readonly target: Target;
  readonly family: Family;
  readonly demand: Demand;
  readonly holder: LeaseHolder;
  readonly reservation: Reservation;
  /** The output limits to send, in order of the attempts; undefined where none needs to be. */
  readonly limits: readonly (number | undefined)[];
  /** The output limit the budget allows, when it is below the one asked for. */
  readonly clampedTokens: number | undefined;
}

/** What an admitted call is priced by. */
export function pricingOf({ demand, family }: Pick<Admission, 'demand' | 'family'>): CallPricing {
  return { readUsage: family.readUsage, models: demand.models, factor: demand.factor };
}

/** The headers that every answer to an admitted request carries. */
export function admissionHeaders(admission: Admission, requestId: string): Record<string, string> {
  const { catalogue, target, demand, reservation, clampedTokens } = admission;
  const { namespace, budget, ledger, priceVersion } = catalogue.budget;
  return {
    'sapaibudget-request-id': requestId,
    'sapaibudget-budget': `${namespace}/${budget}`,
    'sapaibudget-period': ledger.period.name,
    'sapaibudget-cu-reserved': formatAmount(reservation.amount),
    'sapaibudget-price-version': priceVersion,
    'sapaibudget-deployment': target.deploymentId,
    'sapaibudget-model': demand.models[0].model,
    ...(clampedTokens !== undefined && { 'sapaibudget-max-tokens-clamped': String(clampedTokens) }),
  };
}

/** The header that says which model answered, where that was not the first to be tried. */
export function answeredBy({ model }: { model?: PricedModel }): Record<string, string> {
  return model === undefined ? {} : { 'sapaibudget-model': model.model };
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
