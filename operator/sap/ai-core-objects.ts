import { z } from 'zod';

/*
 * AI Core's objects as far as they are read; members not named here are kept where an object is passed on. Bounds are
 * those of the messages to sidecars, so that nothing that was read can fail to be passed on.
 */

/** Envelope of every list; `count` is the total, whatever part of it was asked for. */
export const listEnvelope = z.object({
  count: z.number().optional(),
  resources: z.array(z.unknown()).max(10_000),
});

export const resourceGroupState = z.object({
  resourceGroupId: z.string().min(1).max(253),
  status: z.string().max(64).optional(),
});

export const scenario = z.object({ id: z.string().min(1).max(253) });

const modelName = z.object({
  name: z.string().min(1).max(128),
  version: z.union([z.string().max(64), z.number().transform(String)]).optional(),
});
const backendDetails = z
  .object({ model: modelName.optional().catch(undefined) })
  .optional()
  .catch(undefined);

export const deployment = z.object({
  id: z.string().min(1).max(64),
  configurationId: z.string().max(253).optional().catch(undefined),
  configurationName: z.string().max(253).nullish().catch(undefined),
  scenarioId: z.string().max(253).nullish().catch(undefined),
  executableId: z.string().max(253).nullish().catch(undefined),
  status: z.string().max(32),
  details: z
    .object({
      resources: z.object({ backendDetails, backend_details: backendDetails }).optional().catch(undefined),
    })
    .nullish()
    .catch(undefined),
});
export type Deployment = z.infer<typeof deployment>;

export const configuration = z.object({
  id: z.string().min(1).max(253),
  executableId: z.string().max(253).nullish().catch(undefined),
  parameterBindings: z
    .array(z.object({ key: z.string(), value: z.string() }))
    .nullish()
    .catch(undefined),
});
export type Configuration = z.infer<typeof configuration>;

const modelVersion = z.object({
  name: z.union([z.string().min(1).max(64), z.number().transform(String)]),
  isLatest: z.boolean().catch(false),
  deprecated: z.boolean().catch(false),
  contextLength: z.int().min(1).optional().catch(undefined),
  /** Read by `parseLiveCost`. */
  cost: z.unknown().optional(),
});

export const foundationModel = z.object({
  model: z.string().min(1).max(128),
  executableId: z.string().max(64),
  versions: z
    .array(z.unknown())
    .max(64)
    .transform((versions) => readable(versions, modelVersion)),
});
export type FoundationModel = z.infer<typeof foundationModel>;

/** The items that have the form; one that has not must not take the others away. */
export function readable<T extends z.ZodType>(items: readonly unknown[], schema: T): z.infer<T>[] {
  return items.flatMap((item) => {
    const parsed = schema.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });
}
