import { z } from 'zod';
import { maxQuantity, parseAmount } from './amount.ts';

/** Version of every message; an unknown version is refused, never guessed. */
export const schemaVersion = 1;

/** Largest amount in a message, in nano-CU. */
export const maxHolderAmount = 2n * maxQuantity;
/** Largest count, number or time in ms. */
export const maxCount = 999_999_999_999_999;

/**
 * An amount on the wire: decimal CU, at most nine decimals; a bigint of nano-CU once parsed. Twice the greatest limit
 * a budget can have is more than any holder can mean, and keeps the sums of a ledger within what it can store.
 */
export const amount = z
  .string()
  .max(24)
  .transform((text, ctx) => {
    try {
      const parsed = parseAmount(text);
      if (parsed <= maxHolderAmount) return parsed;
      ctx.addIssue({ code: 'custom', message: 'must be at most twice the greatest limit of a budget' });
    } catch (cause) {
      ctx.addIssue({ code: 'custom', message: cause instanceof Error ? cause.message : String(cause) });
    }
    return z.NEVER;
  });
/** A count, number or time in ms: no more digits than a ledger's text reads back, and always a time that can be written. */
export const count = z.int().min(0).max(maxCount);
/** Name of a budget. */
export const budgetName = z.string().min(1).max(63);
/** Uid of an object. */
export const uid = z.string().min(1).max(64);
