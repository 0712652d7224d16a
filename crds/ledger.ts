import { z } from 'zod';
import {
  ageColumn,
  apiVersion,
  listAtomic,
  namespacedMeta,
  validated,
  type CustomResource,
} from './custom-resource.ts';
import {
  enforcement,
  moment,
  namespaceName,
  objectName,
  periodName,
  startDay,
  timeZone,
} from './field-types.ts';
import { amountText } from './quantity.ts';

/** Most pages of one ledger. */
export const maxPages = 1024;

/** Most characters of the holders' rows in one object: with everything else well below etcd's 1.5 MiB a request. */
export const maxRowsLength = 900_000;

/** Most characters of the itemised held amounts. */
export const maxHeldRowsLength = 300_000;

/** Most characters of the metered usage by day and model. */
export const maxUsageLength = 240_000;

/** Most characters of the promises to other ledgers: some thousand of them. */
const maxSharesLength = 200_000;

const parent = z
  .object({
    namespace: namespaceName.describe("Namespace of the parent's budget."),
    name: objectName.max(63).describe("Name of the parent's budget."),
    ledgerUid: z.string().min(1).max(64).describe("Uid of the parent's ledger."),
    incarnation: z.int().min(0).max(Number.MAX_SAFE_INTEGER).describe('0 until the parent has a row for it.'),
    seq: z.int().min(0).max(Number.MAX_SAFE_INTEGER).describe('Number of the last report that was answered.'),
    granted: amountText.describe('Granted by the parent in all, in capacity units.'),
    returned: amountText.describe('Given back to the parent in all.'),
    overrun: amountText.describe('What the parent found to be spent beyond its grants.'),
  })
  .optional()
  .meta(
    validated({
      // CEL reserves the word.
      rule: 'self.name == oldSelf.name && self.__namespace__ == oldSelf.__namespace__',
      message: 'parent must be the same budget within a period',
    }),
  )
  .describe(
    'What this ledger has from the one it is a holder in. Grants stay within it as well as within the cap.',
  );

const budget = z
  .object({
    namespace: namespaceName.describe('Namespace of the budget.'),
    name: objectName.max(63).describe('Name of the budget.'),
  })
  .describe('The budget this ledger belongs to.');

/** What grants are decided by. Only the operator writes it, and only with a resourceVersion precondition. */
const ledgerSpec = z
  .object({
    budget,
    createdFor: z.string().min(1).max(64).describe('Uid of the budget the ledger was opened for.'),
    period: periodName.describe('Name of the period.'),
    periodStart: moment.describe('First moment of the period.'),
    periodEnd: moment.describe('First moment after the period.'),
    timeZone: timeZone.describe('Time zone the period was opened with.'),
    startDay: startDay.describe('Start day the period was opened with.'),
    cap: amountText.describe('What may be spent in this period, in capacity units.'),
    enforcement: enforcement.describe(
      'Enforce: nothing is granted beyond the cap. Shadow: the cap is only compared with.',
    ),
    seq: z.int().min(0).max(Number.MAX_SAFE_INTEGER).describe('Counts the changes of this ledger.'),
    settled: amountText.describe('What requests are known to have cost.'),
    outstanding: amountText.describe('Granted, not yet accounted for.'),
    held: amountText.describe('Set aside at worst case until its cost is known.'),
    overrun: amountText.describe('Part of `settled` beyond what was granted.'),
    pages: z
      .array(objectName)
      .max(maxPages)
      .default([])
      .meta(listAtomic)
      .describe(
        'The SapAiLedgerPages that have the lines which have not changed for a while: what the name of each adds to the name of this ledger and a dot. A later page counts more than an earlier one, and what is said here more than both.',
      ),
    rows: z
      .string()
      .max(maxRowsLength)
      .describe(
        'A header line with the version of the format, then one line per holder, but for those of whom a page says the same.',
      ),
    heldRows: z
      .string()
      .max(maxHeldRowsLength)
      .describe('A header line with the version of the format, then one line per holder and reason.'),
    usage: z
      .string()
      .max(maxUsageLength)
      .default('')
      .describe(
        'A header line with the version of the format, then one line per day and model: what was metered.',
      ),
    parent,
    shares: z
      .string()
      .max(maxSharesLength)
      .default('')
      .describe(
        'A header line with the version of the format, then one line per holder that is a ledger and was promised something. Empty: none was.',
      ),
  })
  .meta(
    validated(
      { rule: 'self.budget == oldSelf.budget', message: 'budget must not change' },
      {
        rule: 'self.period == oldSelf.period && self.periodStart == oldSelf.periodStart',
        message: 'period and periodStart must not change',
      },
      { rule: 'self.seq >= oldSelf.seq', message: 'seq must not go back' },
      {
        rule: 'has(self.parent) == has(oldSelf.parent)',
        message: 'parent must be neither added nor taken away within a period',
      },
    ),
  )
  .describe('What grants are decided by.');

/** A SapAiLedger as it is stored; it has no status, so that one write changes all of it. */
export const sapAiLedger = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('SapAiLedger'),
  metadata: namespacedMeta,
  spec: ledgerSpec,
});

export type SapAiLedger = z.infer<typeof sapAiLedger>;

/** What the CRD of SapAiLedger is generated from. */
export const ledgerResource: CustomResource = {
  kind: 'SapAiLedger',
  plural: 'sapailedgers',
  singular: 'sapailedger',
  shortName: 'sail',
  scope: 'Namespaced',
  summary:
    'The books of one budget and period, in the namespace of the operator. Only the operator writes it; an edit by hand stops all grants.',
  rules: [],
  spec: ledgerSpec,
  columns: [
    { name: 'Period', type: 'string', jsonPath: '.spec.period', description: 'The period.' },
    { name: 'Cap', type: 'string', jsonPath: '.spec.cap', description: 'What may be spent, in CU.' },
    { name: 'Settled', type: 'string', jsonPath: '.spec.settled', description: 'Spent CU.' },
    { name: 'Outstanding', type: 'string', jsonPath: '.spec.outstanding', description: 'CU leased to pods.' },
    { name: 'Held', type: 'string', jsonPath: '.spec.held', description: 'CU whose use is not known yet.' },
    {
      name: 'Overrun',
      type: 'string',
      jsonPath: '.spec.overrun',
      description: 'CU spent beyond what was granted.',
      priority: 1,
    },
    { name: 'Seq', type: 'integer', jsonPath: '.spec.seq', description: 'Changes so far.' },
    ageColumn,
  ],
  conditions: [],
};
