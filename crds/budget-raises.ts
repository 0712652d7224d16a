import { z } from 'zod';
import { listAtomic } from './custom-resource.ts';
import { moment } from './field-types.ts';
import { quantity } from './quantity.ts';

const raise = z.object({
  capacityUnits: quantity.describe('By how much the limit is higher meanwhile.'),
  until: moment.describe('First moment (UTC) without the raise.'),
  reason: z.string().min(1).max(256).describe('What it is for.'),
  author: z
    .string()
    .min(1)
    .max(253)
    .describe(
      'Who raises the limit: the user name as the API server knows it. The chart has a policy that refuses any other.',
    ),
});

/** Raises of the limit that end by themselves. */
export const raises = z
  .array(raise)
  .max(16)
  .optional()
  .meta(listAtomic)
  .describe(
    'Raises of the monthly limit that end by themselves. Limit and raises together count for at most 1G.',
  );
