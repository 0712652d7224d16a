import { z } from 'zod';
import { listAtomic, validated } from './custom-resource.ts';
import { day, moment, objectName } from './field-types.ts';
import { amountText, quantity, signedAmountText } from './quantity.ts';

/** A Secret of the budget's namespace with the service key of AI Core. */
export const serviceKeySecretRef = z
  .object({
    name: objectName.describe('Name of the Secret, in the namespace of the budget.'),
    key: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[-._a-zA-Z0-9]+$/)
      .optional()
      .describe('Entry of the Secret that holds the JSON key. Without it the layout is recognised.'),
  })
  .describe('Secret with the service key of AI Core: plain JSON, or as the SAP BTP operator writes it.');

/** A Secret with a key of a service beside AI Core. */
function keySecretRef(service: string): typeof serviceKeySecretRef {
  return z
    .object({ ...serviceKeySecretRef.shape })
    .describe(`Secret with a service key of ${service}: plain JSON, or as the SAP BTP operator writes it.`);
}

/** Where billed usage is read. */
export const usage = z
  .object({
    serviceKeySecretRef: keySecretRef('Usage Data Management (offering uas)'),
    subaccountId: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z0-9-]+$/)
      .describe('Id of the subaccount whose AI Core usage counts; a key sees the whole global account.'),
    pollIntervalSeconds: z
      .int32()
      .min(300)
      .max(604_800)
      .default(10_800)
      .describe('Time between two looks at the billed usage. SAP reports once a day.'),
  })
  .optional()
  .describe('Where billed usage is read.');

/** Where the entitlement is checked. */
export const serviceManager = z
  .object({ serviceKeySecretRef: keySecretRef('Service Manager, plan subaccount-audit or subaccount-admin') })
  .optional()
  .describe('Where it is checked that the subaccount is entitled to AI Core, plan extended.');

const purchase = z
  .object({
    capacityUnits: quantity.describe('Capacity units of the phase.'),
    from: day.describe('First day (UTC).'),
    until: day.describe('First day (UTC) after the phase: what is left then lapses.'),
  })
  .meta(validated({ rule: 'self.from < self.until', message: 'from must be before until' }));

/** Phases of the contract. */
export const purchased = z
  .array(purchase)
  .min(1)
  .max(24)
  .optional()
  .meta({
    ...listAtomic,
    ...validated({
      rule: 'self.all(one, self.exists_one(other, one.from < other.until && other.from < one.until))',
      message: 'must not have phases that overlap',
    }),
  })
  .describe('Phases of the contract: what was bought, for which time.');

/** Where a subscription stands by what SAP has billed. */
export const subscription = z
  .object({
    purchased: amountText.optional().describe('Capacity units of the phase of today.'),
    consumed: signedAmountText.describe(
      'What SAP billed for AI Core in the subaccount, whoever used it: in the phase of today, or without one in this month.',
    ),
    remaining: signedAmountText.optional().describe('purchased − consumed.'),
    unattributed: signedAmountText
      .optional()
      .describe('Billed in this period, but not metered by this budget; see the SapAiStatement.'),
    dataThrough: day.optional().describe('Last day (UTC) that SAP has reported.'),
    polledAt: moment.describe('When SAP was asked last and answered.'),
  })
  .describe('Where the SAP subscription stands, by what SAP has billed.');
