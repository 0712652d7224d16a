import type { NanoCu } from './amount.ts';
import { formatAmount, parseAmount } from './amount.ts';
import { type BeyondPages, type LedgerEntry, type LedgerPage } from './ledger-pages.ts';
import type { Ledger, LedgerRow, RowState } from './ledger.ts';
import { unused } from './ledger.ts';
import type { MeteredUsage, UnknownCost } from './messages.ts';
import { unknownReason } from './messages.ts';
import type { MeteredLines } from './metered-usage.ts';
import { decodeUsage, encodeUsage } from './usage-text.ts';

/** Rows, what is held of them, and metered usage, as texts of one readable line each. */
export interface EntriesText {
  rows: string;
  heldRows: string;
  usage: string;
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

/** Behind the key of a row that a page has and the ledger has no more. */
const goneMark = 'gone';

/** Entries as text. */
export function encodeEntries({ rows, usage, gone }: BeyondPages): EntriesText {
  return {
    rows: [rowHeader, ...rows.map(lineOf), ...gone.map((key) => `${key} ${goneMark}`)].join('\n'),
    heldRows: encodeHeld(rows),
    usage: encodeUsage(usage),
  };
}

/** A page of these entries. */
export function encodePage({ entries }: Pick<LedgerPage, 'entries'>): EntriesText {
  const rows: Readonly<LedgerRow>[] = [];
  const usage: MeteredUsage[] = [];
  const gone: string[] = [];
  for (const [key, entry] of entries)
    if (entry === undefined) gone.push(key);
    else if ('key' in entry) rows.push(entry);
    else usage.push(entry);
  return encodeEntries({ rows, usage, gone });
}

/** Reads a page. Throws LedgerTextError when a line cannot be read. */
export function decodePage(name: string, text: EntriesText): LedgerPage {
  return readable(() => {
    const { rows, usage, gone } = decodeEntries(text);
    const entries = new Map<string, LedgerEntry | undefined>([...rows, ...usage]);
    for (const key of gone) entries.set(key, undefined);
    return { name, entries, bytes: lengthOf(text) };
  });
}

/** Characters of an entry's lines; undefined: of the line that says that a row is gone. */
export function lengthOfEntry(key: string, entry: LedgerEntry | undefined): number {
  if (entry === undefined) return key.length + goneMark.length + 2;
  if (!('key' in entry)) return encodeUsage([entry]).length - encodeUsage([]).length;
  const held = heldLinesOf(entry);
  return lineOf(entry).length + 1 + held.reduce((sum, line) => sum + encodeHeldLine(line).length + 1, 0);
}

/** Characters of the lines. */
export function lengthOf({ rows, heldRows, usage }: EntriesText): number {
  return rows.length + heldRows.length + usage.length;
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

/** What a text of entries says. */
export interface Entries {
  rows: Map<string, Readonly<LedgerRow>>;
  usage: MeteredLines;
  gone: readonly string[];
}

/** Reads a text of entries. Throws LedgerTextError or what a line that cannot be read makes. */
export function decodeEntries(text: EntriesText): Entries {
  const { rows, gone } = decodeRows(text.rows);
  decodeHeld(text.heldRows, rows);
  return { rows, gone, usage: decodeUsage(text.usage) };
}

function decodeRows(text: string): { rows: Map<string, LedgerRow>; gone: string[] } {
  const [header, ...lines] = text.split('\n');
  expect(header === rowHeader, `rows begin with an unknown header "${(header ?? '').slice(0, 40)}"`);
  const gone = lines.flatMap((line) =>
    line.endsWith(` ${goneMark}`) ? [line.slice(0, -goneMark.length - 1)] : [],
  );
  const rows = lines.filter((line) => !line.endsWith(` ${goneMark}`)).map(decodeRow);
  const byKey = new Map(rows.map((row) => [row.key, row]));
  expect(byKey.size === rows.length, 'a holder has two rows');
  return { rows: byKey, gone };
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

/** Everything held of these rows, by holder and reason: the whole of it, whatever the ledger's sums say. */
function encodeHeld(rows: readonly Readonly<LedgerRow>[]): string {
  const lines = rows.flatMap(heldLinesOf);
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

/** What is read, or a LedgerTextError that says why it cannot be. */
export function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof LedgerTextError) throw cause;
    throw new LedgerTextError('malformed', `the ledger cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Throws a LedgerTextError `malformed` where a rule of the text does not hold. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new LedgerTextError('malformed', `the ledger cannot be read: ${message}`);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
