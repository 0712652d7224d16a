import type { BudgetContext, Step, StepCondition, StepOutcome } from './step.ts';

/** What the steps of one reconcile came to. */
export interface StepResults {
  /** By condition, of the steps that were run; of several with one condition the last. */
  outcomes: Map<StepCondition, StepOutcome>;
  /** By condition, which other condition its steps wait for. */
  blocked: Map<StepCondition, StepCondition>;
}

/** Runs the chains side by side, each in order until one of its steps neither is done nor can be gone on without. */
export async function runSteps(chains: readonly Step[][], context: BudgetContext): Promise<StepResults> {
  const results: StepResults = { outcomes: new Map(), blocked: new Map() };
  await Promise.all(chains.map((chain) => runChain(chain, context, results)));
  return results;
}

async function runChain(chain: readonly Step[], context: BudgetContext, results: StepResults): Promise<void> {
  let blocker: StepCondition | undefined;
  for (const { condition, run } of chain) {
    if (blocker !== undefined) {
      if (condition !== blocker) results.blocked.set(condition, blocker);
      continue;
    }
    const outcome = await run(context);
    results.outcomes.set(condition, worse(results.outcomes.get(condition), outcome));
    if (outcome.state === 'waiting' || outcome.state === 'stalled') blocker = condition;
  }
}

/** Two steps of one condition: it is as bad as the worse of them. */
function worse(before: StepOutcome | undefined, after: StepOutcome): StepOutcome {
  return before !== undefined && before.state !== 'done' && after.state === 'done' ? before : after;
}

/** When the soonest of the outcomes wants another reconcile, in ms; undefined: none does. */
export function soonestMs(outcomes: Iterable<StepOutcome>): number | undefined {
  let soonest: number | undefined;
  for (const outcome of outcomes) {
    const afterMs = wantedAfterMs(outcome);
    if (afterMs !== undefined && (soonest === undefined || afterMs < soonest)) soonest = afterMs;
  }
  return soonest;
}

function wantedAfterMs(outcome: StepOutcome): number | undefined {
  if (outcome.state === 'stalled') return undefined;
  return outcome.state === 'done' ? outcome.againAfterMs : outcome.afterMs;
}
