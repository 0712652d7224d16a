import { claimantOf } from '../claimant.ts';
import { keyOf, lineageOf, refOf } from '../family.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';
import { stalled } from '../step.ts';

/** The parent is looked at before those below it; they are told when it was. */
const parentAfterMs = 1_000;

/** Finds the budget that this one is below, and whether it may be. One that may not gives back what it has. */
export function findParent(context: BudgetContext): Promise<StepOutcome> {
  const { budget, services, found } = context;
  // Others wait until each older budget has said which subscription it has.
  services.subscriptions.claim(claimantOf(budget), [], []);
  const lineage = lineageOf(budget, services.relatives);
  if ('reason' in lineage) {
    services.ledgers.retire(refOf(budget));
    return Promise.resolve(stalled(lineage.reason, lineage.message));
  }
  const { parent, root } = lineage;
  const standing = services.standings.get(keyOf(parent));
  if (standing?.uid !== parent.metadata.uid || standing?.ledger === undefined)
    return Promise.resolve(notReady(keyOf(parent), standing?.problem?.message));
  if (standing.ledger.period.endMs <= services.clock.nowMs())
    return Promise.resolve(notReady(keyOf(parent), 'Its next period is about to begin.'));
  found.parent = { budget: parent, root, standing: { ...standing, ledger: standing.ledger } };
  return Promise.resolve({ state: 'done', message: `It is a share of ${keyOf(parent)}.` });
}

/** Takes over what requests are made and priced with from the root. */
export function takeOver({ found }: BudgetContext): Promise<StepOutcome> {
  const { parent } = found;
  if (!parent) throw new TypeError('a step before finds the parent');
  const { offer, problem } = parent.standing;
  if (!offer) return Promise.resolve(notReady(keyOf(parent.budget), problem?.message));
  const { serviceKey, inventory, card, models } = offer;
  Object.assign(found, { serviceKey, inventory, card, models, offer });
  const message = `It is a share of ${keyOf(parent.budget)}, and is spent by its subscription.`;
  return Promise.resolve({ state: 'done', message });
}

function notReady(parent: string, why = 'The operator has not looked at it yet.'): StepOutcome {
  const message = `Budget ${parent} above cannot be spent from. ${why}`;
  return { state: 'waiting', reason: 'ParentNotReady', message, afterMs: parentAfterMs };
}
