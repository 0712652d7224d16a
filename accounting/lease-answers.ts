import { guaranteedToOthers } from './ledger-shares.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { type MessageContext, mayGrant } from './message-context.ts';
import { schemaVersion } from './message-parts.ts';
import type { LeaseAnswer, LeaseRefusalReason, ReportRequest, RowFigures } from './messages.ts';
import { grantableTo } from './parent-lease.ts';

/** The answer to `open`: the row as it is, and whether its newest process goes on from a journal. */
export function answerOpen(ledger: Ledger, row: Readonly<LedgerRow>, context: MessageContext): LeaseAnswer {
  const resumed = row.wholeSince < row.incarnation;
  return { ...answerFields(ledger, row, context), kind: 'opened', resumed };
}

/** The answer to a report: the row as it is, whatever the report asked for. */
export function answerReport(ledger: Ledger, row: Readonly<LedgerRow>, context: MessageContext): LeaseAnswer {
  return { ...answerFields(ledger, row, context), kind: 'reported' };
}

/** The answer to a report that is booked, by what the ledger says now. */
export function answerBooked(ledger: Ledger, request: ReportRequest, context: MessageContext): LeaseAnswer {
  const row = ledger.rows.get(context.key);
  if (row?.incarnation !== request.incarnation) return refusal('process_superseded');
  return row.state === 'released' ? refusal('row_released') : answerReport(ledger, row, context);
}

/** The answer that refuses a message, with what to do about it. */
export function refusal(reason: LeaseRefusalReason): LeaseAnswer {
  return { schema: schemaVersion, kind: 'refused', reason, message: refusalText[reason] };
}

const refusalText: Record<LeaseRefusalReason, string> = {
  ledger_unknown: 'this ledger is not the budget’s current one: fetch the configuration again',
  ledger_closed: 'the period of this ledger is over and accounted for',
  process_superseded: 'a newer process of this pod holds the lease: this one must not spend any more',
  row_unknown: 'the ledger has no row for this process: open the lease first',
  sequence_gap: 'the number does not follow the last report booked: open the lease again',
  report_backwards: 'figures are cumulative and below what was reported before: they were not booked',
  figures_too_large: 'the figures are more than a ledger can hold: they were not booked',
  row_released:
    'evidence has decided what this row cost: the figures were booked, open the lease again to go on',
};

function answerFields(ledger: Ledger, row: Readonly<LedgerRow>, context: MessageContext) {
  const { settled, outstanding, held } = ledger.totals;
  const left = grantableTo(ledger, row.key, context.parentGrantable) - (context.setAside ?? 0n);
  const grantable = left > 0n && mayGrant(ledger, context) ? left : 0n;
  return {
    schema: schemaVersion,
    incarnation: row.incarnation,
    seq: row.seq,
    row: rowFigures(row),
    remainingSeconds: row.state === 'open' ? remainingLife(ledger, row, context.nowMs) : 0,
    ledger: {
      cap: ledger.cap,
      settled,
      outstanding,
      held,
      grantable,
      guaranteedToOthers: guaranteedToOthers(ledger, row.key),
      waitedFor: context.setAside ?? 0n,
      ...parentFigures(ledger, context),
      enforced: ledger.enforcement === 'Enforce',
      seq: ledger.seq,
    },
  } as const;
}

function parentFigures({ parent }: Ledger, { parentGrantable = 0n }: MessageContext) {
  if (parent === undefined) return {};
  const { namespace, name } = parent.budget;
  return { parent: { budget: `${namespace}/${name}`, grantable: parentGrantable } };
}

/**
 * For how long a lease may be spent, in seconds: never beyond its period. The row itself lives on after that, because
 * its holder still reports what requests under way cost: it is not silent, and not held.
 */
function remainingLife({ period }: Ledger, { expires }: LedgerRow, nowMs: number): number {
  const ends = Math.min(expires, Math.floor(period.endMs / 1000));
  return Math.max(0, ends - Math.ceil(nowMs / 1000));
}

function rowFigures({ granted, spent, overrun, unknown, lost, returned, released }: LedgerRow): RowFigures {
  return { granted, spent, overrun, unknown, lost, returned, released };
}
