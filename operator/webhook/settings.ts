import { z } from 'zod';

const quantity = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,9})?(m|k|Ki|M|Mi|G|Gi)?$/, 'must be a quantity such as 96Mi');
const amounts = z.record(z.string().regex(/^[a-z][-a-z0-9./]{0,62}$/), quantity);

/** What every injected sidecar has in common; comes from the operator's settings as JSON. */
export const injectionSettings = z.strictObject({
  image: z.string().min(1).max(512).describe('Image of the sidecar.'),
  imagePullPolicy: z
    .enum(['Always', 'IfNotPresent', 'Never'])
    .optional()
    .describe('Absent: what the API server makes of the tag.'),
  command: z.array(z.string().min(1).max(1024)).min(1).max(32),
  operatorUrl: z
    .url({ protocol: /^https$/ })
    .max(512)
    .describe('HTTPS origin of the operator as pods reach it.'),
  resources: z.strictObject({ requests: amounts, limits: amounts }),
  journalSizeLimit: quantity.describe(
    "Size of the journal's memory volume; counts against the memory limit.",
  ),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']),
});
export type InjectionSettings = z.infer<typeof injectionSettings>;

/** What is a single pod's own. */
export interface PodGrant {
  /** Budgets the pod may spend from; the first is the default. */
  budgets: readonly [string, ...string[]];
  /** Resource group for containers that name none. */
  resourceGroup: string;
  /** Key between application and sidecar, for a pod that has none yet: at least 32 characters, no dot, from a secure random source. */
  newAppKey: string;
}
