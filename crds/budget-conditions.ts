import type { ConditionDoc } from './custom-resource.ts';

/** The conditions of a SapAiBudget. */
export const budgetConditions: ConditionDoc[] = [
  { type: 'Ready', good: 'True', meaning: 'Pods can spend from the budget; sums up the others.' },
  {
    type: 'ParentReady',
    good: 'True',
    meaning:
      'Only with parentRef: the budget above is there, allows budgets in this namespace, and can be spent from.',
  },
  {
    type: 'CredentialsValid',
    good: 'True',
    meaning: 'The service key was found and SAP gives tokens for it.',
  },
  { type: 'AiCoreReachable', good: 'True', meaning: 'AI Core answers, and the resource groups exist.' },
  {
    type: 'GenAiHubAvailable',
    good: 'True',
    meaning: 'The generative AI hub can be used: there are deployments and models.',
  },
  {
    type: 'RateCardCurrent',
    good: 'True',
    meaning:
      'The rate card has a factor for today, and every model has a rate. Models without one are refused.',
  },
  {
    type: 'Enforcing',
    good: 'True',
    meaning:
      "The period's ledger is open and decides what is granted, and every pod has its sidecar. A pod without one does not make the budget unready.",
  },
  {
    type: 'UsageSynced',
    good: 'True',
    meaning:
      'The billed usage of the subaccount was read. Ready does not depend on it: the cap holds by what is metered.',
  },
  {
    type: 'Entitled',
    good: 'True',
    meaning: 'Service Manager shows AI Core with plan extended, which the generative AI hub needs.',
  },
  {
    type: 'GuaranteeCovered',
    good: 'True',
    meaning: 'Only with guaranteed: the limit of the budget above covers all guarantees below it.',
  },
  { type: 'Exhausted', good: 'False', meaning: 'Nothing is left to lease in this period.' },
  {
    type: 'Overcommitted',
    good: 'False',
    meaning:
      'Spent, reserved and held together pass the cap: it was lowered, or a request overran its bound; or budgets below are guaranteed more than it.',
  },
];
