import { type NanoCu, parseAmount } from '../../accounting/amount.ts';
import type { Wish } from '../lease/next-move.ts';

/** Decimal CU as nano-CU. */
export const cu = (text: string): NanoCu => parseAmount(text);

/** Wants this much or nothing. */
export function whole(amount: string): Wish {
  return { amount: cu(amount), smallest: cu(amount), lower: () => undefined };
}

/** Wants this much, or as much as there is from `smallest` on. */
export function atLeast(amount: string, smallest: string): Wish {
  return {
    amount: cu(amount),
    smallest: cu(smallest),
    lower: (left) => (left >= cu(smallest) ? left : undefined),
  };
}
