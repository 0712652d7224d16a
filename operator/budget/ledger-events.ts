import { formatAmount } from '../../accounting/amount.ts';
import { isLedgerKey } from '../../accounting/ledger.ts';
import type { LedgerEvent } from '../../accounting/ledger-transitions.ts';
import type { ObjectEvent } from './services.ts';

/** What an event of a ledger says on its budget. Amounts are in the note, so that repetitions are one series. */
export function ledgerObjectEvent(event: LedgerEvent): ObjectEvent {
  const type = event.type === 'LeaseReclaimed' || event.type === 'HeldSettled' ? 'Normal' : 'Warning';
  return { type, reason: event.type, action: 'KeepLedger', note: noteOf(event) };
}

/** A ledger of a closed month was kept for long enough. */
export function ledgerDeleted(ledger: string, keepMonths: number): ObjectEvent {
  const note = `SapAiLedger ${ledger} was deleted: its period ended at least ${keepMonths} months ago, and its closed SapAiStatement says what was spent.`;
  return { type: 'Normal', reason: 'LedgerDeleted', action: 'KeepLedger', note };
}

function noteOf(event: LedgerEvent): string {
  if (event.type === 'HeldSettled') return closingNote(event);
  const pod = `${isLedgerKey(event.key) ? 'Budget' : 'Pod'} ${event.name}`;
  if (event.type === 'ReportRefused')
    return `${pod} sent a report that was refused (${event.refusal}): nothing of it is booked, and what it was granted stays set aside.`;
  const amount = `${formatAmount(event.amount)} CU`;
  const notes: Record<typeof event.type, string> = {
    LeaseExpired: `${pod} was silent past the end of its lease: ${amount} are held until it reports.`,
    LeaseReclaimed: `${pod} reported again: ${amount} that were held are its lease again.`,
    LeaseLost: `${pod} started anew without its journal: ${amount} are held until evidence or the close of the month decides.`,
    Overrun: `${pod} spent ${amount} more than its requests had reserved: they are booked in full.`,
    LateSpending: `${pod} spent ${amount} beyond its lease in a process that was followed by another: they are ${lateOutcome(event)}. If that happens without restarts, two processes spend one lease: look what runs in that pod.`,
    RequestNotCovered: `${pod} has a request that can cost ${amount}: less is left, also after other pods gave back what they do not use, so that it is refused or its output limit lowered. Raise spec.monthlyLimit if more may be spent.`,
    ReleaseRevoked: `${pod} reported ${amount} that had been released as not spent: they are booked.`,
  };
  return notes[event.type];
}

function lateOutcome(event: LedgerEvent): string {
  const unbooked = event.type === 'LateSpending' && !event.booked;
  return unbooked ? 'not booked, the ledger has no room for an amount like that' : 'booked';
}

function closingNote({ settled, released }: Extract<LedgerEvent, { type: 'HeldSettled' }>): string {
  const sum = `The period is closed: of ${formatAmount(settled + released)} CU that were still held ${formatAmount(settled)} are booked as spent`;
  return released === 0n
    ? `${sum}, because nothing tells that they were not.`
    : `${sum}, the rest is released: SAP's final usage leaves no room for it.`;
}
