import { aiCoreOf } from '../root-spec.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';

/** How soon a missing hub or deployment is looked for again. */
const againAfterMs = 30_000;

/** Whether there is anything to call: the generative AI hub, its models, and a deployment that runs. */
export function checkHub({ budget, found }: BudgetContext): Promise<StepOutcome> {
  return Promise.resolve(decide(aiCoreOf(budget.spec).resourceGroups, found.inventory));
}

function decide(
  resourceGroups: readonly string[],
  inventory: BudgetContext['found']['inventory'],
): StepOutcome {
  if (!inventory) throw new TypeError('the step before reads AI Core');
  const { hubAvailable, models, deployments } = inventory;
  if (!hubAvailable)
    return missing(
      'GenAiHubNotFound',
      'AI Core has no scenario "foundation-models": the generative AI hub needs the service plan extended.',
    );
  if (models.length === 0)
    return missing('NoModels', 'AI Core lists no models: check the entitlement of the generative AI hub.');
  const running = deployments.filter(({ status }) => status === 'RUNNING').length;
  if (running === 0)
    return missing(
      'NoDeployments',
      `No deployment is running in resource group ${resourceGroups.join(', ')}: create one in AI Launchpad or with the AI API.`,
    );
  return { state: 'done', message: `${running} of ${deployments.length} deployments are running.` };
}

function missing(reason: string, message: string): StepOutcome {
  return { state: 'waiting', reason, message, afterMs: againAfterMs };
}
