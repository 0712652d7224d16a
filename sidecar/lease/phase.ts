import type { LeaseRefusalReason } from '../../accounting/messages.ts';

/**
 * Where a lease is in its life. `reopening`: the operator's row is elsewhere, `open` again once nothing is under way.
 * `ledger_unknown`: kept, and tried again. `barred`: never spent any more. `done`: everything is told.
 */
export type Phase = 'opening' | 'open' | 'reopening' | 'ledger_unknown' | 'barred' | 'superseded' | 'done';

export const startPhase: Phase = 'opening';

/** What becomes of a lease when the operator refuses a message for this reason. */
export function reactionTo(reason: LeaseRefusalReason): Phase {
  return reactions[reason];
}

const reactions: Record<LeaseRefusalReason, Phase> = {
  process_superseded: 'superseded',
  sequence_gap: 'reopening',
  row_unknown: 'reopening',
  row_released: 'reopening',
  ledger_unknown: 'ledger_unknown',
  ledger_closed: 'ledger_unknown',
  // This journal and the ledger tell different stories: a person must look.
  report_backwards: 'barred',
  figures_too_large: 'barred',
};
