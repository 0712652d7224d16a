import { z } from 'zod';
import { ageColumn, apiVersion, namespacedMeta, validated, type CustomResource } from './custom-resource.ts';
import { day, moment, objectName, observedGeneration, periodName } from './field-types.ts';
import { amountText, signedAmountText } from './quantity.ts';

/** Most characters of the lines of a statement. */
export const maxDaysLength = 400_000;

const statementSpec = z
  .object({
    budget: objectName.max(63).describe('Name of the budget, in the same namespace.'),
    period: periodName.describe('Name of the period.'),
    periodStart: moment.describe('First moment of the period.'),
    periodEnd: moment.describe('First moment after the period.'),
    subaccountId: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z0-9-]+$/)
      .describe('Subaccount whose billed usage is compared.'),
  })
  .meta(
    validated(
      { rule: 'self.budget == oldSelf.budget', message: 'budget must not change' },
      {
        rule: 'self.period == oldSelf.period && self.periodStart == oldSelf.periodStart',
        message: 'period and periodStart must not change',
      },
    ),
  )
  .describe('What the statement is of.');

const totals = z
  .object({
    metered: amountText.describe(
      'What the requests of this budget, and of those below it, are known to have cost.',
    ),
    meteredByDay: amountText.describe('The part of `metered` that the lines below explain by day and model.'),
    billed: signedAmountText
      .optional()
      .describe(
        'What SAP billed for AI Core in these days, whoever used it. Not for a budget below another one.',
      ),
    unattributed: signedAmountText
      .optional()
      .describe(
        'billed − metered over the days SAP has reported: below zero where we metered more than SAP billed. Not for a budget below another one.',
      ),
    held: amountText.describe('Set aside at worst case: nobody knows yet what it cost.'),
    released: amountText
      .optional()
      .describe(
        "What was held and found not to have been spent, by a person's word or, when the period was closed, by SAP's final usage (`closing.released`); of this budget and of those below it.",
      ),
  })
  .describe('Sums, in capacity units.');

const closing = z
  .object({
    evidence: z
      .enum(['FinalUsage', 'None', 'Pending'])
      .describe(
        'FinalUsage: what SAP billed and nobody metered bounds what all held amounts cost together. None: nothing told, they count as spent. Pending: the period is closed once SAP has billed its months.',
      ),
    message: z.string().max(1024).describe('What was found, or is waited for.'),
    gap: amountText
      .optional()
      .describe('What SAP billed and nobody metered, at most: one figure for this budget and all below it.'),
    settled: amountText.optional().describe('Of what this ledger held: booked as spent.'),
    released: amountText.optional().describe('Of what this ledger held: found not to have been spent.'),
  })
  .describe('What became of amounts that were still held when the period was closed, in capacity units.');

const statementStatus = z
  .object({
    observedGeneration: observedGeneration.optional(),
    source: z
      .enum(['Daily', 'Monthly'])
      .optional()
      .describe(
        'Daily: billed figures are of their day. Monthly: SAP gives only sums of a month, and a day has what was new when it was read.',
      ),
    dataThrough: day.optional().describe('Last day (UTC) that SAP has reported.'),
    polledAt: moment.optional().describe('When SAP was asked last and answered.'),
    days: z
      .string()
      .max(maxDaysLength)
      .optional()
      .describe(
        'A header line with the version of the format, then one line per day and model: tokens and capacity units, metered and billed.',
      ),
    totals: totals.optional(),
    closing: closing.optional(),
    closed: z
      .boolean()
      .optional()
      .describe('Whether the period is over and SAP has reported all of it: nothing changes any more.'),
  })
  .describe('What was metered and what was billed.');

/** A SapAiStatement as it is stored. */
export const sapAiStatement = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('SapAiStatement'),
  metadata: namespacedMeta,
  spec: statementSpec,
  status: statementStatus.optional(),
});

export type SapAiStatement = z.infer<typeof sapAiStatement>;
export type SapAiStatementSpec = z.infer<typeof statementSpec>;
export type SapAiStatementStatus = z.infer<typeof statementStatus>;

/** What the CRD of SapAiStatement is generated from. */
export const statementResource: CustomResource = {
  kind: 'SapAiStatement',
  plural: 'sapaistatements',
  singular: 'sapaistatement',
  shortName: 'sais',
  scope: 'Namespaced',
  summary:
    'What one budget metered and what SAP billed in one period, by day and model. Only the operator writes it; it stays as history.',
  rules: [],
  spec: statementSpec,
  status: statementStatus,
  columns: [
    { name: 'Budget', type: 'string', jsonPath: '.spec.budget', description: 'The budget.' },
    { name: 'Period', type: 'string', jsonPath: '.spec.period', description: 'The period.' },
    { name: 'Metered', type: 'string', jsonPath: '.status.totals.metered', description: 'Metered CU.' },
    { name: 'Billed', type: 'string', jsonPath: '.status.totals.billed', description: 'CU that SAP billed.' },
    {
      name: 'Unattributed',
      type: 'string',
      jsonPath: '.status.totals.unattributed',
      description: 'Billed CU that this budget did not meter.',
    },
    {
      name: 'Through',
      type: 'string',
      jsonPath: '.status.dataThrough',
      description: 'Last day that SAP has reported.',
    },
    {
      name: 'Closed',
      type: 'string',
      jsonPath: '.status.closed',
      description: 'Whether nothing changes any more.',
      priority: 1,
    },
    ageColumn,
  ],
  conditions: [],
};
