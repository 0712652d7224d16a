import { type NanoCu, formatAmount } from './amount.ts';
import { longestCallSeconds } from './ledger-fold.ts';
import { type Ledger, type LedgerRow, changeRow, emptyRow, unused } from './ledger.ts';
import { releaseHeld } from './ledger-transitions.ts';

/** What became of a release; `already`: it had been done, and is not done twice. */
export type ReleaseOutcome = { state: 'released' | 'already' } | { state: 'refused'; why: string };

/** What one holder's held amount cost: `spent` of the `held` nano-CU. */
export interface Release {
  readonly key: string;
  /** Of the last report booked before: a word about an earlier silence does not count for a later one. */
  readonly seq: number;
  readonly held: NanoCu;
  readonly spent: NanoCu;
}

/**
 * Releases what a silent holder had, on somebody's word. Behind a fence: no SAP token of that pod lives any more, and no
 * call that it was used for can still be under way.
 */
export function releaseApproved(ledger: Ledger, release: Release, nowMs: number): ReleaseOutcome {
  const row = ledger.rows.get(release.key);
  const why = row ? objection(row, release, nowMs) : `the ledger has no row ${release.key}`;
  if (row?.state === 'released' && row.seq === release.seq && heldOf(row) === 0n) return { state: 'already' };
  if (why !== undefined) return { state: 'refused', why };
  releaseHeld(ledger, release);
  return { state: 'released' };
}

function objection(row: LedgerRow, { seq, held, spent }: Release, nowMs: number): string | undefined {
  if (row.state === 'open') return `${row.key} reports, and settles by itself what it knows`;
  if (seq !== row.seq) return `${row.key} has reported since: its last report is ${row.seq}, not ${seq}`;
  const heldNow = heldOf(row);
  if (held !== heldNow) return `${row.key} holds ${formatAmount(heldNow)} CU, not ${formatAmount(held)}`;
  if (spent > held) return `more was spent than held: only its holder can report that`;
  const fencedUntilMs = row.tokenExpires === 0 ? 0 : (row.tokenExpires + longestCallSeconds) * 1000;
  if (fencedUntilMs > nowMs)
    return `calls of ${row.key} may be under way until ${new Date(fencedUntilMs).toISOString()}`;
  return undefined;
}

function heldOf(row: LedgerRow): NanoCu {
  return row.lost + row.unknown + unused(row);
}

/** Key of the row with what a ledger that was lost had spent or promised, as far as that was seen. */
const recoveredKey = 'recovered';

/**
 * Holds what is missing in a ledger that was lost and is gone on from: `seen` of it was spent, outstanding or held when
 * it was seen last. It comes back as other held amounts do.
 */
export function holdMissing(ledger: Ledger, seen: NanoCu, nowMs: number): void {
  const { settled, outstanding, held } = ledger.totals;
  const missing = seen - settled - outstanding - held;
  if (missing <= 0n) return;
  const row = ledger.rows.get(recoveredKey) ?? emptyRow({ key: recoveredKey, name: '-', state: 'expired' });
  changeRow(ledger, row, (r) => {
    r.granted += missing;
    r.lost += missing;
    r.seq += 1;
    if (r.lostSinceMs === 0) r.lostSinceMs = nowMs;
    Object.assign(r, { state: 'expired', expires: Math.floor(nowMs / 1000) });
  });
}
