import { budgetResource } from './budget.ts';
import type { CustomResource } from './custom-resource.ts';
import { ledgerResource } from './ledger.ts';
import { ledgerPageResource } from './ledger-page.ts';
import { rateCardResource } from './rate-card.ts';
import { statementResource } from './statement.ts';

/** Every kind of ours, in the order of the reference page. */
export const customResources: CustomResource[] = [
  budgetResource,
  rateCardResource,
  ledgerResource,
  ledgerPageResource,
  statementResource,
];
