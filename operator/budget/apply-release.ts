import { formatAmount } from '../../accounting/amount.ts';
import type { ReleaseOutcome } from '../../accounting/ledger-release.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { type Approval, readRelease } from './approvals.ts';
import type { BudgetServices, ObjectEvent } from './services.ts';
import type { BudgetContext } from './step.ts';

/**
 * Does what an annotation of the budget says was decided about a held amount, and tells what became of it. What was
 * refused is tried again, because it may only be too early.
 */
export async function applyRelease({ budget, services, memory }: BudgetContext): Promise<void> {
  const { namespace, name, annotations } = budget.metadata;
  const approval = readRelease(annotations);
  if (approval === undefined) return;
  const event = await eventOf({ namespace, name }, approval, services);
  const stored = services.budgets.get(`${namespace}/${name}`);
  if (event && stored && event.note !== memory.releaseNote) services.recordEvent(stored, event);
  memory.releaseNote = event?.note;
}

async function eventOf(
  budget: BudgetRef,
  approval: Approval | string,
  { ledgers }: BudgetServices,
): Promise<ObjectEvent | undefined> {
  if (typeof approval === 'string') return refused(approval);
  const { approvedBy, ...release } = approval;
  const outcome: ReleaseOutcome = await ledgers.release(budget, release);
  if (outcome.state === 'already') return undefined;
  if (outcome.state === 'refused') return refused(outcome.why);
  const [held, spent] = [formatAmount(release.held), formatAmount(release.spent)];
  const note = `Of ${held} CU held for ${release.key} ${spent} are booked as spent, the rest is free again: approved by ${approvedBy}.`;
  return { type: 'Normal', reason: 'HeldReleased', action: 'KeepLedger', note };
}

function refused(why: string): ObjectEvent {
  const note = `Nothing is released: ${why}.`;
  return { type: 'Warning', reason: 'ReleaseRefused', action: 'KeepLedger', note };
}
