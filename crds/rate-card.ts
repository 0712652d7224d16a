import { z } from 'zod';
import {
  ageColumn,
  apiVersion,
  listMap,
  objectMeta,
  readyColumn,
  validated,
  type CustomResource,
} from './custom-resource.ts';
import { conditions, day, modelPattern, observedGeneration } from './field-types.ts';

const decimal = z
  .string()
  .min(1)
  .max(20)
  .regex(/^[0-9]{1,6}([.][0-9]{1,12})?$/);

const factor = z.object({
  from: day.describe('First day (UTC) on which it applies.'),
  capacityUnitsPerGenAiToken: decimal
    .meta(validated({ rule: "self.matches('[1-9]')", message: 'must be greater than 0' }))
    .describe('Capacity units that one GenAI token costs, as decimal text.'),
  source: z.string().min(1).max(512).describe('Where the figure was published.'),
});

const genAiTokensPer1000 = z
  .object({
    input: decimal.optional().describe('For input that was not read from a cache.'),
    output: decimal.optional().describe('For output.'),
    cacheRead: decimal.optional().describe('For input that was read from a cache.'),
  })
  .meta(
    validated({
      rule: 'has(self.input) || has(self.output) || has(self.cacheRead)',
      message: 'must name at least one rate',
    }),
  )
  .describe('GenAI tokens that 1,000 tokens of the model cost, as decimal text.');

const modelRate = z.object({
  model: modelPattern.describe('Name of the model; `*` stands for any characters.'),
  versions: modelPattern.default('*').describe('Versions of the model; `*` stands for any characters.'),
  from: day.describe('First day (UTC) on which it applies.'),
  genAiTokensPer1000,
  override: z
    .boolean()
    .default(false)
    .describe(
      'Whether the entry beats the rate that AI Core reports; otherwise it only fills what is missing there.',
    ),
  source: z.string().min(1).max(512).optional().describe('Where the figures come from.'),
});

/** How usage becomes capacity units, by effective date. */
const rateCardSpec = z
  .object({
    factors: z
      .array(factor)
      .min(1)
      .max(64)
      .meta(listMap('from'))
      .describe('Capacity units per GenAI token; the entry with the latest day that has come is in force.'),
    models: z
      .array(modelRate)
      .max(256)
      .default([])
      .meta(listMap('model', 'versions', 'from'))
      .describe("Rates that AI Core's own list of models does not give, or gives wrong."),
  })
  .describe('How usage becomes capacity units, by effective date.');

/** Whether the card can be used. */
const rateCardStatus = z
  .object({
    observedGeneration: observedGeneration.optional(),
    conditions: conditions.optional(),
  })
  .describe('Whether the card can be used.');

/** A SapAiRateCard as it is stored. */
export const sapAiRateCard = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('SapAiRateCard'),
  metadata: objectMeta,
  spec: rateCardSpec,
  status: rateCardStatus.optional(),
});

export type SapAiRateCard = z.infer<typeof sapAiRateCard>;
export type SapAiRateCardSpec = z.infer<typeof rateCardSpec>;

/** What the CRD of SapAiRateCard is generated from. */
export const rateCardResource: CustomResource = {
  kind: 'SapAiRateCard',
  plural: 'sapairatecards',
  singular: 'sapairatecard',
  shortName: 'sairc',
  scope: 'Cluster',
  summary: 'How usage becomes capacity units: factors and rates by the day from which they apply.',
  rules: [],
  spec: rateCardSpec,
  status: rateCardStatus,
  columns: [readyColumn, ageColumn],
  conditions: [{ type: 'Ready', good: 'True', meaning: 'The card can be used: a factor is in force today.' }],
};
