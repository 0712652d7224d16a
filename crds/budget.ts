import { z } from 'zod';
import {
  apiVersion,
  listAtomic,
  listSet,
  namespacedMeta,
  validated,
  ageColumn,
  readyColumn,
  type CustomResource,
} from './custom-resource.ts';
import { purchased, serviceKeySecretRef, serviceManager, subscription, usage } from './budget-usage.ts';
import { childNamespaces, familyRules, guaranteed, parentRef, weight } from './budget-family.ts';
import { budgetConditions } from './budget-conditions.ts';
import { unifiedMetering } from './budget-metering.ts';
import { raises } from './budget-raises.ts';
import {
  conditions,
  enforcement,
  modelPattern,
  moment,
  objectName,
  observedGeneration,
  periodName,
  startDay,
  writtenObjectName,
  writtenTimeZone,
} from './field-types.ts';
import { amountText, quantity, signedAmountText } from './quantity.ts';

const resourceGroups = z
  .array(
    z
      .string()
      .min(1)
      .max(253)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  )
  .min(1)
  .max(50)
  .default(['default'])
  .meta({
    ...listAtomic,
    ...validated({
      rule: 'self.all(one, self.exists_one(other, other == one))',
      message: 'must not name a resource group twice',
    }),
  })
  .describe('AI Core resource groups that may be used. The first is used when a request names none.');

const aiCore = z
  .object({ serviceKeySecretRef, resourceGroups })
  .optional()
  .describe('The SAP AI Core instance that is called. Instead of parentRef.');

const period = z
  .object({
    timeZone: writtenTimeZone.default('Etc/UTC').describe('IANA time zone in which days begin.'),
    startDay: startDay.default(1).describe('Day of the month on which the limit begins anew.'),
  })
  .optional()
  .describe(
    'When a month begins: in UTC on its first day, unless set. A change takes effect at the next boundary.',
  );

const outputTokens = z
  .object({
    maximum: z
      .int32()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        "Reserved when a client names no output limit, at most the model's own. Without it the model's own.",
      ),
    minimum: z
      .int32()
      .min(1)
      .max(1_000_000)
      .default(64)
      .describe(
        'Where the budget cannot pay for this many output tokens, a request is refused, not cut short.',
      ),
  })
  .prefault({})
  .meta(
    validated({
      rule: '!has(self.maximum) || self.minimum <= self.maximum',
      message: 'outputTokens.minimum (64 unless set) must be at most outputTokens.maximum',
    }),
  )
  .describe('Bounds for the output of a request.');

/** What may be spent, and with which credentials. */
const budgetSpec = z
  .object({
    aiCore,
    parentRef,
    usage,
    serviceManager,
    purchased,
    monthlyLimit: quantity.describe(
      'The most that may be spent in a month, in capacity units: a quantity such as 2500, "12.5" or 2k.',
    ),
    guaranteed,
    weight,
    childNamespaces,
    raises,
    enforcement: enforcement.describe(
      'Enforce: a request that the budget does not cover is refused. Shadow: requests are metered and reported as ever, and none is refused for the budget.',
    ),
    period,
    allowedModels: z
      .array(modelPattern)
      .max(64)
      .default([])
      .meta(listSet)
      .describe('Models that may be called; `*` stands for any characters. Empty: all of them.'),
    outputTokens,
    unifiedMetering,
    rateCardRef: z
      .object({ name: writtenObjectName.default('default').describe('Name of the SapAiRateCard.') })
      .optional()
      .describe('Rate card that requests are priced with: the one named default, unless set.'),
  })
  .meta(
    validated(
      {
        rule: '!has(self.purchased) || has(self.usage)',
        message: 'purchased needs usage: what remains follows from what SAP billed',
      },
      ...familyRules,
    ),
  )
  .describe('What may be spent, and with which credentials.');

const count = z.int32().min(0).max(100_000);
const podCount = z.int32().min(0).max(1_000_000);

/** Where a budget stands: a summary, written at a bounded rate. */
const budgetStatus = z
  .object({
    observedGeneration: observedGeneration.optional(),
    period: z
      .object({
        name: periodName.describe('Name of the period.'),
        start: moment.describe('First moment of the period.'),
        end: moment.describe('First moment after the period.'),
      })
      .optional()
      .describe('The period that is spent from now.'),
    limit: amountText.optional().describe('The cap in force, in capacity units.'),
    spent: amountText.optional().describe('Settled: what requests are known to have cost.'),
    reserved: amountText.optional().describe('Leased to pods, not yet spent.'),
    held: amountText.optional().describe('Set aside at worst case: nobody knows yet what it cost.'),
    remaining: signedAmountText
      .optional()
      .describe('limit − spent − reserved − held; below zero after the limit was lowered or overrun.'),
    overrun: amountText.optional().describe('Part of `spent` that no lease had paid for.'),
    used: z
      .string()
      .max(12)
      .regex(/^[0-9]{1,10}%$/)
      .optional()
      .describe('spent ÷ limit, in whole percent.'),
    ledgerName: objectName
      .optional()
      .describe("Name of the period's SapAiLedger in the operator's namespace."),
    ledgerSeq: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('Counter of the ledger when it was read last; a ledger behind it has been lost.'),
    models: z
      .object({
        available: count.describe('Model versions that AI Core offers and the budget allows.'),
        priced: count.describe('Those of them that have a rate; the others are refused.'),
      })
      .optional()
      .describe('Models that can be called.'),
    pods: z
      .object({
        selected: podCount.describe('Running pods that the budget was chosen for, by labels.'),
        enforced: podCount.describe(
          "Those of them whose sidecar reports to the operator, or is ready by its kubelet's word.",
        ),
        coverage: z
          .string()
          .max(15)
          .regex(/^[0-9]{1,7}\/[0-9]{1,7}$/)
          .describe('enforced/selected.'),
      })
      .optional()
      .describe('Pods that spend from the budget.'),
    subscription: subscription.optional(),
    conditions: conditions.optional(),
  })
  .describe('Where the budget stands, as the operator last saw it.');

/** A SapAiBudget as it is stored. */
export const sapAiBudget = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('SapAiBudget'),
  metadata: namespacedMeta,
  spec: budgetSpec,
  status: budgetStatus.optional(),
});

export type SapAiBudget = z.infer<typeof sapAiBudget>;
export type SapAiBudgetSpec = z.infer<typeof budgetSpec>;
export type SapAiBudgetStatus = z.infer<typeof budgetStatus>;

/** What the CRD of SapAiBudget is generated from. */
export const budgetResource: CustomResource = {
  kind: 'SapAiBudget',
  plural: 'sapaibudgets',
  singular: 'sapaibudget',
  shortName: 'saib',
  scope: 'Namespaced',
  summary: 'What pods may spend of an SAP AI Core subscription in a month, and where they stand.',
  rules: [
    {
      rule: 'size(self.metadata.name) <= 63',
      message: 'metadata.name must be at most 63 characters, because pods name their budget in a label',
    },
  ],
  spec: budgetSpec,
  status: budgetStatus,
  columns: [
    { name: 'Limit', type: 'string', jsonPath: '.status.limit', description: 'The cap in force, in CU.' },
    { name: 'Spent', type: 'string', jsonPath: '.status.spent', description: 'Settled CU.' },
    {
      name: 'Reserved',
      type: 'string',
      jsonPath: '.status.reserved',
      description: 'CU leased to pods.',
    },
    { name: 'Held', type: 'string', jsonPath: '.status.held', description: 'CU whose use is not known yet.' },
    { name: 'Remaining', type: 'string', jsonPath: '.status.remaining', description: 'CU left to lease.' },
    { name: 'Used', type: 'string', jsonPath: '.status.used', description: 'Spent part of the limit.' },
    {
      name: 'Pods',
      type: 'string',
      jsonPath: '.status.pods.coverage',
      description: 'Pods with a sidecar that reports, of those that the budget was chosen for.',
    },
    {
      name: 'Overrun',
      type: 'string',
      jsonPath: '.status.overrun',
      description: 'CU spent that no lease had paid for.',
      priority: 1,
    },
    {
      name: 'Subscription',
      type: 'string',
      jsonPath: '.status.subscription.remaining',
      description: 'CU of the contract phase that SAP has not billed yet.',
      priority: 1,
    },
    {
      name: 'Parent',
      type: 'string',
      jsonPath: '.spec.parentRef.name',
      description: 'The budget it is a share of.',
      priority: 1,
    },
    {
      name: 'Period',
      type: 'string',
      jsonPath: '.status.period.name',
      description: 'The period that is spent from.',
      priority: 1,
    },
    readyColumn,
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why it is ready or not.',
      priority: 1,
    },
    ageColumn,
  ],
  conditions: budgetConditions,
};
