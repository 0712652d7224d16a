import { z } from 'zod';
import { ageColumn, apiVersion, namespacedMeta, validated, type CustomResource } from './custom-resource.ts';
import { objectName } from './field-types.ts';
import { maxHeldRowsLength, maxRowsLength, maxUsageLength } from './ledger.ts';

/** Lines of a ledger that have not changed for a while. */
const ledgerPageSpec = z
  .object({
    ledger: objectName.describe('Name of the SapAiLedger whose lines these are.'),
    rows: z.string().max(maxRowsLength).describe('Lines of holders, as in the ledger.'),
    heldRows: z
      .string()
      .max(maxHeldRowsLength)
      .describe('Lines of what these holders hold, as in the ledger.'),
    usage: z.string().max(maxUsageLength).describe('Lines of what was metered, as in the ledger.'),
  })
  .meta(validated({ rule: 'self == oldSelf', message: 'must not change' }))
  .describe('Lines of a ledger.');

/** A SapAiLedgerPage as it is stored. */
export const sapAiLedgerPage = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('SapAiLedgerPage'),
  metadata: namespacedMeta,
  spec: ledgerPageSpec,
});

/** What the CRD of SapAiLedgerPage is generated from. */
export const ledgerPageResource: CustomResource = {
  kind: 'SapAiLedgerPage',
  plural: 'sapailedgerpages',
  singular: 'sapailedgerpage',
  shortName: 'sailp',
  scope: 'Namespaced',
  summary:
    'Part of a large SapAiLedger, in the same namespace: lines that have not changed for a while, so that a write need not repeat them. Never changed, only replaced by another one. Only the operator writes it; deleting one by hand stops all grants of its budget.',
  rules: [],
  spec: ledgerPageSpec,
  columns: [
    { name: 'Ledger', type: 'string', jsonPath: '.spec.ledger', description: 'The ledger.' },
    ageColumn,
  ],
  conditions: [],
};
