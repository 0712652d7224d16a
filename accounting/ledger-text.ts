import type { NanoCu } from './amount.ts';
import { formatAmount, parseAmount } from './amount.ts';
import type { Enforcement, Ledger, LedgerRow, LedgerTotals, ParentLease, RowState } from './ledger.ts';
import { decodeShares, encodeShares } from './shares-text.ts';
import { sumRows, unused } from './ledger.ts';
import type { UnknownCost } from './messages.ts';
import { unknownReason } from './messages.ts';
import { decodeUsage, encodeUsage } from './usage-text.ts';

/** A ledger as the API server stores it: a few sums and two texts of one readable line each. */
export interface LedgerText {
  budget: { namespace: string; name: string };
  period: string;
  periodStart: string;
  periodEnd: string;
  cap: string;
  enforcement: Enforcement;
  seq: number;
  settled: string;
  outstanding: string;
  held: string;
  overrun: string;
  rows: string;
  heldRows: string;
  usage: string;
  /** Of a ledger that is a holder in another one. */
  parent?: ParentText | undefined;
  shares: string;
}

/** The holder's half of a lease from another ledger. */
interface ParentText extends Pick<ParentLease, 'ledgerUid' | 'incarnation' | 'seq'> {
  namespace: string;
  name: string;
  granted: string;
  returned: string;
  overrun: string;
}

/** A stored ledger that cannot be taken as the truth: no grant may be made from it. */
export class LedgerTextError extends Error {
  override name = 'LedgerTextError';
  readonly reason: 'malformed' | 'does_not_add_up';

  constructor(reason: 'malformed' | 'does_not_add_up', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

const rowHeader =
  'v1 key incarnation seq state granted spent overrun unknown lost returned released expires tokenExpires wholeSince process older name';
const heldHeader = 'v1 key reason count since amount wayBack';

/** Most lines of `heldRows`; what goes beyond is one line with the key `*`. */
const maxHeldLines = 1500;

type HeldReason = UnknownCost['reason'] | 'not_itemised' | 'journal_lost' | 'lease_expired';

const monthClose = 'evidence-or-month-close';
/** How an amount that is held for a reason comes back. */
const wayBack: Record<HeldReason, string> = {
  usage_missing: monthClose,
  upstream_error: monthClose,
  connection_lost: monthClose,
  read_bound: monthClose,
  process_killed: monthClose,
  not_itemised: monthClose, // reported after evidence had decided about a part of it
  journal_lost: monthClose,
  lease_expired: 'report-of-its-holder',
  held_in_ledger: 'as-its-ledger-says',
};

export function encodeLedger(ledger: Ledger): LedgerText {
  const { settled, outstanding, held, overrun } = ledger.totals;
  return {
    budget: ledger.budget,
    period: ledger.period.name,
    periodStart: new Date(ledger.period.startMs).toISOString(),
    periodEnd: new Date(ledger.period.endMs).toISOString(),
    cap: formatAmount(ledger.cap),
    enforcement: ledger.enforcement,
    seq: ledger.seq,
    settled: formatAmount(settled),
    outstanding: formatAmount(outstanding),
    held: formatAmount(held),
    overrun: formatAmount(overrun),
    rows: [rowHeader, ...[...ledger.rows.values()].map(lineOf)].join('\n'),
    heldRows: encodeHeld(ledger),
    usage: encodeUsage(ledger.usage),
    ...(ledger.parent && { parent: encodeParent(ledger.parent) }),
    shares: encodeShares(ledger.shares),
  };
}

/** Reads a stored ledger. Throws LedgerTextError when a line cannot be read or the rows do not add up to the sums. */
export function decodeLedger(text: LedgerText): Ledger {
  try {
    const rows = decodeRows(text.rows);
    decodeHeld(text.heldRows, rows);
    const totals = sumRows(rows.values());
    const { budget, period, enforcement, seq } = text;
    const [startMs, endMs] = [Date.parse(text.periodStart), Date.parse(text.periodEnd)];
    expect(Number.isFinite(startMs) && Number.isFinite(endMs), 'the period has no valid bounds');
    checkSums(text, totals);
    return {
      budget,
      period: { name: period, startMs, endMs },
      cap: parseAmount(text.cap),
      enforcement,
      seq,
      rows,
      totals,
      usage: decodeUsage(text.usage),
      ...(text.parent && { parent: decodeParent(text.parent) }),
      shares: decodeShares(text.shares),
    };
  } catch (cause) {
    if (cause instanceof LedgerTextError) throw cause;
    throw new LedgerTextError('malformed', `the ledger cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function encodeParent({ budget, ledgerUid, incarnation, seq, ...amounts }: ParentLease): ParentText {
  return {
    ...budget,
    ledgerUid,
    incarnation,
    seq,
    granted: formatAmount(amounts.granted),
    returned: formatAmount(amounts.returned),
    overrun: formatAmount(amounts.overrun),
  };
}

function decodeParent({ namespace, name, ledgerUid, incarnation, seq, ...texts }: ParentText): ParentLease {
  return {
    budget: { namespace, name },
    ledgerUid,
    incarnation,
    seq,
    granted: parseAmount(texts.granted),
    returned: parseAmount(texts.returned),
    overrun: parseAmount(texts.overrun),
  };
}

function checkSums(text: LedgerText, totals: LedgerTotals): void {
  for (const sum of ['settled', 'outstanding', 'held', 'overrun'] as const) {
    if (parseAmount(text[sum]) === totals[sum]) continue;
    const found = `${sum} says ${text[sum]} CU, the rows add up to ${formatAmount(totals[sum])} CU`;
    throw new LedgerTextError('does_not_add_up', `the ledger was changed by somebody else: ${found}`);
  }
}

/** A row never changes, so neither does its line: of thousands of rows a write has changed a few. */
const lineByRow = new WeakMap<Readonly<LedgerRow>, string>();

function lineOf(row: Readonly<LedgerRow>): string {
  const known = lineByRow.get(row);
  if (known !== undefined) return known;
  const line = encodeRow(row);
  lineByRow.set(row, line);
  return line;
}

function encodeRow(row: Readonly<LedgerRow>): string {
  const amounts = [row.granted, row.spent, row.overrun, row.unknown, row.lost, row.returned, row.released];
  return [
    row.key,
    row.incarnation,
    row.seq,
    row.state,
    ...amounts.map(formatAmount),
    row.expires,
    row.tokenExpires,
    row.wholeSince,
    row.processId || '-',
    row.olderProcessIds.join(',') || '-',
    row.name,
  ].join(' ');
}

function decodeRows(text: string): Map<string, LedgerRow> {
  const [header, ...lines] = text.split('\n');
  expect(header === rowHeader, `rows begin with an unknown header "${(header ?? '').slice(0, 40)}"`);
  const rows = lines.map(decodeRow);
  const byKey = new Map(rows.map((row) => [row.key, row]));
  expect(byKey.size === rows.length, 'a holder has two rows');
  return byKey;
}

function decodeRow(line: string): LedgerRow {
  const fields = line.split(' ');
  expect(fields.length === rowHeader.split(' ').length - 1, `a row has ${fields.length} fields`);
  const field = (index: number) => fields[index] ?? '';
  const amount = (index: number) => parseAmount(field(index));
  const older = field(15);
  return {
    key: field(0),
    incarnation: wholeNumber(field(1)),
    seq: wholeNumber(field(2)),
    state: rowState(field(3)),
    granted: amount(4),
    spent: amount(5),
    overrun: amount(6),
    unknown: amount(7),
    lost: amount(8),
    returned: amount(9),
    released: amount(10),
    expires: wholeNumber(field(11)),
    tokenExpires: wholeNumber(field(12)),
    wholeSince: wholeNumber(field(13)),
    processId: field(14) === '-' ? '' : field(14),
    olderProcessIds: older === '-' ? [] : older.split(','),
    name: field(16),
    unknownCosts: [],
    lostSinceMs: 0,
  };
}

/** What one holder holds for one reason. */
export interface HeldLine {
  key: string;
  reason: HeldReason;
  count: number;
  sinceMs: number;
  amount: NanoCu;
}

/** Everything held, by holder and reason: the whole of it, whatever the ledger's sums say. */
export function heldLines(ledger: Ledger): HeldLine[] {
  return [...ledger.rows.values()].flatMap(heldLinesOf);
}

function heldLinesOf(row: Readonly<LedgerRow>): HeldLine[] {
  const { key } = row;
  const lines: HeldLine[] = row.unknownCosts.map((cost) => ({ key, ...cost }));
  const itemised = row.unknownCosts.reduce((sum, { amount }) => sum + amount, 0n);
  if (row.unknown > itemised) {
    const amount = row.unknown - itemised;
    lines.push({ key, reason: 'not_itemised', count: 1, sinceMs: row.expires * 1000, amount });
  }
  if (row.lost > 0n)
    lines.push({ key, reason: 'journal_lost', count: 1, sinceMs: row.lostSinceMs, amount: row.lost });
  const rest = row.state === 'open' ? 0n : unused(row);
  if (rest > 0n)
    lines.push({ key, reason: 'lease_expired', count: 1, sinceMs: row.expires * 1000, amount: rest });
  return lines;
}

function encodeHeld(ledger: Ledger): string {
  const lines = heldLines(ledger);
  const shown = lines.slice(0, maxHeldLines).map(encodeHeldLine);
  const beyond = lines.slice(maxHeldLines).reduce((sum, line) => sum + line.amount, 0n);
  const rest = beyond > 0n ? [`* more ${lines.length - maxHeldLines} - ${formatAmount(beyond)} -`] : [];
  return [heldHeader, ...shown, ...rest].join('\n');
}

function encodeHeldLine({ key, reason, count, sinceMs, amount }: HeldLine): string {
  return [key, reason, count, new Date(sinceMs).toISOString(), formatAmount(amount), wayBack[reason]].join(
    ' ',
  );
}

/** Reasons and ages go back to their rows; the amounts themselves are the rows'. */
function decodeHeld(text: string, rows: Map<string, LedgerRow>): void {
  const [header, ...lines] = text.split('\n');
  expect(header === heldHeader, `held rows begin with an unknown header "${(header ?? '').slice(0, 40)}"`);
  for (const line of lines) {
    const row = rows.get(line.slice(0, line.indexOf(' ')));
    if (row) decodeHeldLine(line, row);
  }
}

function decodeHeldLine(line: string, row: LedgerRow): void {
  const [, reason, count = '', since = '', amount = ''] = line.split(' ');
  const sinceMs = Date.parse(since);
  if (reason === 'journal_lost') row.lostSinceMs = sinceMs;
  const known = unknownReason.safeParse(reason);
  if (!known.success) return;
  row.unknownCosts.push({
    reason: known.data,
    count: wholeNumber(count),
    sinceMs,
    amount: parseAmount(amount),
  });
}

function rowState(text: string): RowState {
  if (text === 'open' || text === 'expired' || text === 'released') return text;
  throw new LedgerTextError('malformed', `a row has the unknown state "${text.slice(0, 20)}"`);
}

function wholeNumber(text: string): number {
  expect(/^\d{1,15}$/.test(text), `"${text.slice(0, 20)}" is no whole number`);
  return Number(text);
}

function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new LedgerTextError('malformed', `the ledger cannot be read: ${message}`);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
