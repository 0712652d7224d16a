import { type NanoCu, maxQuantity } from './amount.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { available, changeRow, emptyRow, isLedgerKey } from './ledger.ts';
import { bindShare, guaranteedToOthers } from './ledger-shares.ts';
import { heldLines } from './entries-text.ts';
import { schemaVersion } from './message-parts.ts';
import type { Ask, LeaseAnswer, OpenRequest, ReportRequest, UnknownCost } from './messages.ts';

/**
 * The holder's half of a lease where the holder is itself a ledger: a part of the stored ledger, as a pod's half is in
 * its journal. The other half is a row of the parent's ledger, and is written by the same transitions as a pod's row.
 *
 * The two ledgers are never written together. What is granted is stored in the parent before it is taken over here; what
 * is returned is stored here before the parent is told. Both are cumulative and only grow, so that any of these steps
 * may be lost, repeated, or done by two operators at once.
 */

/** A ledger is one process that never ends: its object is its journal. */
const processId = '0'.repeat(16);

/** What may still be granted to a holder: within the cap, what is set aside for others, and the parent's lease. */
export function availableTo(ledger: Ledger, key: string): NanoCu {
  const own = withinCap(ledger, key);
  const idle = parentIdle(ledger);
  return idle < own ? idle : own;
}

/** What a holder could be granted at most, if the parent can add that much; below zero as `availableTo`. */
export function grantableTo(ledger: Ledger, key: string, parentGrantable: NanoCu = 0n): NanoCu {
  const own = withinCap(ledger, key);
  if (ledger.parent === undefined) return own;
  const reachable = greater(parentIdle(ledger), 0n) + parentGrantable;
  return reachable < own ? reachable : own;
}

/** What may still be granted to a holder if the parent gives enough; in Shadow as much as any budget can have. */
export function withinCap(ledger: Ledger, key: string): NanoCu {
  if (ledger.enforcement === 'Shadow') return maxQuantity;
  return available(ledger) - guaranteedToOthers(ledger, key);
}

/**
 * What of the parent's lease nothing uses; without a parent as much as the cap leaves. Below zero where holders spent
 * beyond what they were granted and the parent has not booked it yet.
 */
export function parentIdle(ledger: Ledger): NanoCu {
  const { parent, totals } = ledger;
  if (parent === undefined) return ledger.enforcement === 'Shadow' ? maxQuantity : available(ledger);
  const used = totals.settled - overrunOf(ledger) + totals.held + totals.outstanding;
  return parent.granted - parent.returned - used;
}

/** The message by which a ledger becomes a holder in its parent; it may be repeated. Undefined without a parent. */
export function openInParent({ parent }: Ledger): OpenRequest | undefined {
  if (parent === undefined) return undefined;
  const { budget, ledgerUid } = parent;
  return { schema: schemaVersion, kind: 'open', budget: budget.name, ledgerUid, processId };
}

/** What a ledger tells its parent, as it is stored now. Undefined before `open` was answered. */
export function reportToParent(ledger: Ledger, ask?: Ask): ReportRequest | undefined {
  const { parent, totals } = ledger;
  if (parent === undefined || parent.incarnation === 0) return undefined;
  return {
    schema: schemaVersion,
    kind: 'report',
    budget: parent.budget.name,
    ledgerUid: parent.ledgerUid,
    incarnation: parent.incarnation,
    seq: parent.seq + 1,
    spent: totals.settled,
    overrun: overrunOf(ledger),
    returned: parent.returned,
    unknown: heldBelow(ledger),
    ...(ask && { ask }),
  };
}

/** Takes over what the parent has stored; an answer that was taken over before, or is older, changes nothing. */
export function takeParentAnswer(ledger: Ledger, answer: LeaseAnswer): void {
  const { parent } = ledger;
  if (parent === undefined || answer.kind === 'refused') return;
  const granted = greater(parent.granted, answer.row.granted);
  const overrun = greater(parent.overrun, answer.row.overrun);
  const { incarnation } = answer;
  const seq = Math.max(parent.seq, answer.seq);
  const same =
    parent.incarnation === incarnation &&
    parent.seq === seq &&
    parent.granted === granted &&
    parent.overrun === overrun;
  if (same) return;
  ledger.parent = { ...parent, incarnation, seq, granted, overrun };
  ledger.seq += 1;
}

/**
 * The parent's ledger is another object now, of the same budget: false where that one knows less of this ledger than the
 * former one had told, so that this lease would be worth more than what is set against it.
 */
export function followParent(ledger: Ledger, ledgerUid: string, row: LedgerRow | undefined): boolean {
  const { parent } = ledger;
  if (parent === undefined) return false;
  if (parent.ledgerUid === ledgerUid) return true;
  const fresh = parent.incarnation === 0;
  if (!fresh && (row === undefined || isForgotten(ledger, { row, seq: row.seq }))) return false;
  ledger.parent = { ...parent, ledgerUid };
  ledger.seq += 1;
  return true;
}

/**
 * The object of a ledger below is another one now, which was restored from a backup under the same name: the row of the
 * former one becomes `key`'s, as it is. False, and nothing is changed, where no row is known to be that one, or where it
 * knows of anything that the restored ledger does not: that would be spent twice.
 */
export function takeOverRow(ledger: Ledger, key: string, below: Ledger): boolean {
  if (ledger.rows.has(key)) return true;
  const name = `${below.budget.namespace}/${below.budget.name}`;
  const former = formerRow(ledger, name, below);
  if (former === undefined) return false;
  const identity = { name, state: former.state };
  changeRow(ledger, former, (row) =>
    Object.assign(row, emptyRow({ ...identity, key: former.key, state: 'released' })),
  );
  ledger.rows.delete(former.key);
  const row = changeRow(ledger, emptyRow({ ...identity, key }), (r) => Object.assign(r, { ...former, key }));
  bindShare(ledger, row);
  return true;
}

/**
 * The row of the object that this ledger is a copy of. An object that was given up has left one of the same name, whose
 * grants are not this ledger's: of several rows only one may agree, and none was heard after it.
 */
function formerRow({ rows }: Ledger, name: string, below: Ledger): Readonly<LedgerRow> | undefined {
  const named = [...rows.values()].filter((row) => isLedgerKey(row.key) && row.name === name);
  const [former, ...others] = named.filter((row) => agrees(below, row));
  if (former === undefined || others.length > 0) return undefined;
  return named.every(({ expires }) => expires <= former.expires) ? former : undefined;
}

/** Whether a ledger has told and taken over all that its parent has of it; since then it may have spent. */
function agrees({ parent, totals }: Ledger, row: Readonly<LedgerRow>): boolean {
  return (
    parent !== undefined &&
    row.incarnation === parent.incarnation &&
    row.seq === parent.seq &&
    row.granted === parent.granted &&
    row.spent <= totals.settled &&
    row.returned <= parent.returned
  );
}

/** Gives up that much of the parent's lease, or as much as is idle; the parent is told once this is stored. */
export function returnToParent(ledger: Ledger, most: NanoCu): void {
  const { parent } = ledger;
  const idle = parentIdle(ledger);
  const amount = idle < most ? idle : most;
  if (parent === undefined || amount <= 0n) return;
  ledger.parent = { ...parent, returned: parent.returned + amount };
  ledger.seq += 1;
}

/** Whether the parent's row says all that this ledger has to tell. */
export function isTold(ledger: Ledger, row: LedgerRow | undefined): boolean {
  const { parent, totals } = ledger;
  if (parent === undefined) return true;
  return (
    row !== undefined &&
    row.spent === totals.settled &&
    row.unknown === totals.held &&
    row.returned === parent.returned &&
    row.overrun === overrunOf(ledger) &&
    row.granted === parent.granted
  );
}

/**
 * Whether an answer shows that the parent knows less than it has told before: its ledger was restored from an old backup,
 * or this one was edited.
 */
export function isForgotten(
  { parent }: Ledger,
  { row, seq }: { row: Pick<LedgerRow, 'granted'>; seq: number },
): boolean {
  return parent !== undefined && (row.granted < parent.granted || seq < parent.seq);
}

/** What the parent found to be spent beyond its grants counts as well as what was found here. */
function overrunOf({ parent, totals }: Ledger): NanoCu {
  return greater(totals.overrun, parent?.overrun ?? 0n);
}

function heldBelow(ledger: Ledger): UnknownCost[] {
  if (ledger.totals.held === 0n) return [];
  const lines = heldLines(ledger);
  const sinceMs = lines.reduce((oldest, line) => Math.min(oldest, line.sinceMs), Number.MAX_SAFE_INTEGER);
  const count = lines.reduce((sum, line) => sum + line.count, 0);
  return [{ reason: 'held_in_ledger', count, amount: ledger.totals.held, sinceMs }];
}

function greater(a: NanoCu, b: NanoCu): NanoCu {
  return a > b ? a : b;
}
