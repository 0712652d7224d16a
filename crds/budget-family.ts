import { z } from 'zod';
import { validated } from './custom-resource.ts';
import type { Rule } from './custom-resource.ts';
import { namespaceName, writtenObjectName } from './field-types.ts';
import { quantity } from './quantity.ts';

/** The budget that a child is a share of. */
export const parentRef = z
  .object({
    name: writtenObjectName.max(63).describe('Name of the budget.'),
    namespace: namespaceName.describe(
      'Its namespace. Its childNamespaces must allow the namespace of this budget.',
    ),
  })
  .optional()
  .meta(
    validated({
      rule: 'self == oldSelf',
      message:
        'a budget keeps its parent: delete it and create it below another one, which counts from the next period',
    }),
  )
  .describe(
    'The budget that this one is a share of: service key, models, prices, period and billing are those of the root above. Instead of aiCore.',
  );

/** What a child may have whatever others spend. */
export const guaranteed = quantity
  .optional()
  .describe('Set aside in the parent for this budget alone, in capacity units a month. Only with parentRef.');

/** How much a child's namespace counts. */
export const weight = z
  .int32()
  .min(1)
  .max(100)
  .optional()
  .describe(
    'How much its namespace counts where shares of what is left in the parent are sized: 1 unless set. The greatest of the budgets of a namespace counts. Only with parentRef.',
  );

const label = z
  .string()
  .max(63)
  .regex(/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/)
  .describe('Value of the label.');

const selector = z
  .object({
    matchLabels: z
      .record(z.string(), label)
      .meta({ maxProperties: 16 })
      .describe('Labels that a namespace must have, all of them.'),
  })
  .optional()
  .describe('Labels of namespaces. Only with from: Selector.');

/** Where budgets below a budget may be. */
export const childNamespaces = z
  .object({
    from: z
      .enum(['Same', 'All', 'Selector'])
      .describe('Same: the namespace of this budget. All: any. Selector: those with the labels of selector.'),
    selector,
  })
  .optional()
  .meta(
    validated({
      rule: "(self.from == 'Selector') == has(self.selector)",
      message: 'childNamespaces.selector is needed with from: Selector, and with nothing else',
    }),
  )
  .describe(
    'Namespaces in which budgets may name this one as their parent; without it the namespace of this budget.',
  );

const rootsOnly = ['usage', 'serviceManager', 'purchased', 'period', 'rateCardRef'].map((field): Rule => ({
  rule: `!has(self.parentRef) || !has(self.${field})`,
  message: `${field} is the root's: leave it out where parentRef is set`,
}));

const childrenOnly = ['guaranteed', 'weight'].map((field): Rule => ({
  rule: `has(self.parentRef) || !has(self.${field})`,
  message: `${field} is for budgets with a parentRef`,
}));

/** What a budget with a parent may say, and one without. */
export const familyRules: Rule[] = [
  {
    rule: 'has(self.aiCore) != has(self.parentRef)',
    message: 'needs either aiCore (a subscription of its own) or parentRef (a share of another budget)',
  },
  ...rootsOnly,
  ...childrenOnly,
  {
    rule: '!has(self.guaranteed) || !isQuantity(string(self.guaranteed)) || !isQuantity(string(self.monthlyLimit)) || quantity(string(self.guaranteed)).compareTo(quantity(string(self.monthlyLimit))) <= 0',
    message: 'guaranteed must be at most monthlyLimit',
  },
];
