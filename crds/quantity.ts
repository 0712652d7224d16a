import { z } from 'zod';
import { validated } from './custom-resource.ts';

// Each line keeps to multiples of 10^-9 CU: a suffix allows as many decimals as its power plus nine.
// RE2, so no lookahead; what a pattern cannot say (the largest value) is left to CEL.
const forms = [
  '[0-9]{1,10}([.][0-9]{1,9})?(Ki|Mi|Gi)?', // times 1024 needs no further decimal
  '[0-9]{1,19}n',
  '[0-9]{1,16}([.][0-9]{1,3})?u',
  '[0-9]{1,13}([.][0-9]{1,6})?m',
  '[0-9]{1,7}([.][0-9]{1,12})?k',
  '[0-9]{1,4}([.][0-9]{1,15})?M',
  '[0-9]([.][0-9]{1,18})?G',
  '[0-9]{1,10}([.][0-9]{1,9})?[eE][+]?[0-9]',
  '[0-9]{1,19}[eE]-[1-9]',
];

/** Form of a capacity-unit quantity that was written as text. */
export const quantityPattern = new RegExp(`^(${forms.join('|')})$`);

// The pattern once more as a rule, because a regular expression is no message for a person.
const form = {
  rule: `type(self) == int || string(self).matches('${quantityPattern.source}')`,
  message: 'must be capacity units, 0 or more and no finer than 10^-9, such as 2500, "12.5" or 500m',
};

const bound = {
  rule: "!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('1G')) <= 0",
  message: 'must be at most 1G (10^9) capacity units',
};

/**
 * A Kubernetes quantity in CU that a person writes: 0 … 10^9, no finer than 10^-9, as an integer or as text.
 * Parsed it is always text, to be read by `parseQuantity` of `accounting/amount.ts`.
 */
export const quantity = z
  .union([z.int().min(0).max(1_000_000_000), z.string().min(1).max(32).regex(quantityPattern)])
  .transform(String)
  .meta({ 'x-kubernetes-int-or-string': true, ...validated(form, bound) });

/** An amount in CU that the operator writes: plain decimal text, at most nine decimals. */
export const amountText = z
  .string()
  .min(1)
  .max(24)
  .regex(/^(0|[1-9][0-9]{0,12})([.][0-9]{1,9})?$/);

/** The same where the amount may be below zero. */
export const signedAmountText = z
  .string()
  .min(1)
  .max(24)
  .regex(/^-?(0|[1-9][0-9]{0,12})([.][0-9]{1,9})?$/);
