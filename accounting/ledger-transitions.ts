import type { NanoCu } from './amount.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { changeRow, emptyRow, isLedgerKey, meter, unused } from './ledger.ts';
import { bookLate } from './ledger-late.ts';
import { hasRoomFor } from './ledger-room.ts';
import { bindShare, shareOf } from './ledger-shares.ts';
import { leaseEnd, leaseLife } from './lease-life.ts';
import { answerOpen, answerReport, refusal } from './lease-answers.ts';
import { type MessageContext, mayGrant } from './message-context.ts';
import type {
  LeaseAnswer,
  LeaseRefusalReason,
  LeaseRequest,
  OpenRequest,
  ReportRequest,
} from './messages.ts';
import { maxOlderProcessIds } from './messages.ts';
import { availableTo } from './parent-lease.ts';

/** What an operator has to tell people about, besides answering. The type is the event's reason. */
export type LedgerEvent =
  | { type: 'LeaseExpired' | 'LeaseReclaimed' | 'LeaseLost'; key: string; name: string; amount: NanoCu }
  | { type: 'Overrun' | 'ReleaseRevoked'; key: string; name: string; amount: NanoCu }
  | { type: 'LateSpending'; key: string; name: string; amount: NanoCu; booked: boolean }
  | { type: 'RequestNotCovered'; key: string; name: string; amount: NanoCu }
  | { type: 'ReportRefused'; key: string; name: string; refusal: LeaseRefusalReason }
  | { type: 'HeldSettled'; settled: NanoCu; released: NanoCu };

export interface Outcome {
  answer: LeaseAnswer;
  events: LedgerEvent[];
}

type Figures = Pick<ReportRequest, 'spent' | 'overrun' | 'returned' | 'unknown'>;

/** Books a message and answers it. A message that is repeated changes nothing and gets the same answer. */
export function handleLeaseRequest(ledger: Ledger, request: LeaseRequest, context: MessageContext): Outcome {
  return request.kind === 'open' ? open(ledger, request, context) : report(ledger, request, context);
}

/**
 * Makes every lease whose holder is silent past its deadline held. Harmless at any clock error. A holder that is a ledger
 * has no deadline: what it granted is in it, whoever keeps it.
 */
export function expireRows(ledger: Ledger, nowMs: number): LedgerEvent[] {
  const events: LedgerEvent[] = [];
  for (const row of ledger.rows.values()) {
    if (row.state !== 'open' || row.expires * 1000 >= nowMs || isLedgerKey(row.key)) continue;
    const amount = unused(row);
    if (amount === 0n) continue;
    changeRow(ledger, row, (r) => (r.state = 'expired'));
    events.push({ type: 'LeaseExpired', key: row.key, name: row.name, amount });
  }
  return events;
}

/**
 * Evidence says what a silent holder's held amount cost: `spent` of it was used, the rest comes back. Of a holder that
 * reports nothing can be released: it would not know of the cost that evidence found, and spend that part of its lease
 * once more. Throws RangeError when the row is open or holds another amount, or when the evidence says more was spent
 * than was held (that is an overrun, and not for this function).
 */
export function releaseHeld(ledger: Ledger, release: { key: string; held: NanoCu; spent: NanoCu }): void {
  const row = ledger.rows.get(release.key);
  if (!row) throw new RangeError(`no row ${release.key} to release from`);
  if (row.state === 'open') throw new RangeError(`row ${row.key} is its holder's, who reports`);
  if (release.held !== row.lost + row.unknown + unused(row))
    throw new RangeError(`row ${row.key} holds another amount by now`);
  if (release.spent < 0n || release.spent > release.held)
    throw new RangeError('evidence must lie within the held amount');
  changeRow(ledger, row, (r) => {
    r.spent += release.spent;
    r.released += release.held - release.spent;
    Object.assign(r, { lost: 0n, lostSinceMs: 0, unknown: 0n, unknownCosts: [], state: 'released' });
  });
}

/**
 * Notes that a SAP token given to this pod lives until `expires` (s): to be stored before the token leaves. False, and
 * no token may leave, for any but the newest process, and for one whose lease was released: it may hold requests that
 * were admitted before and not sent, and what they would cost has been given to others. It opens its lease anew first.
 */
export function noteToken(
  ledger: Ledger,
  holder: { key: string; incarnation: number; expires: number },
): boolean {
  const row = ledger.rows.get(holder.key);
  if (!row || row.incarnation !== holder.incarnation || row.state === 'released') return false;
  if (row.tokenExpires < holder.expires) changeRow(ledger, row, (r) => (r.tokenExpires = holder.expires));
  return true;
}

/**
 * What a holder may be granted: what it needs or nothing, and ever smaller shares beyond that as little is left. Half
 * of what is left is shared among the holders whose leases run, so that the next ones find something, too.
 */
export function grantSize(
  ask: { need: NanoCu; want: NanoCu },
  ledger: Ledger,
  holder: Pick<MessageContext, 'key' | 'name' | 'nowMs' | 'setAside'>,
): NanoCu {
  const left = availableTo(ledger, holder.key) - (holder.setAside ?? 0n);
  if (ask.need <= 0n || left < ask.need) return 0n;
  if (ask.want <= ask.need) return ask.need;
  return max(ask.need, min(ask.want, shareOf(ledger, left, holder)));
}

function open(ledger: Ledger, request: OpenRequest, context: MessageContext): Outcome {
  const known = ledger.rows.get(context.key);
  if (known?.processId === request.processId)
    return { answer: answerOpen(ledger, known, context), events: [] };
  if (known?.olderProcessIds.includes(request.processId)) return refuse('process_superseded', context);
  if (request.resume && !hasRoomFor(ledger, known ?? newRow(context), request.resume))
    return refuse('figures_too_large', context);
  const events: LedgerEvent[] = [];
  const resumed = known !== undefined && mayResume(known, request.resume);
  const row = changeRow(ledger, known ?? newRow(context), (r) => {
    if (r.state === 'expired') r.state = 'open';
    if (request.resume && isNews(r, request.resume)) events.push(...book(r, request.resume, resumed));
    if (!resumed) events.push(...loseRest(r, context.nowMs));
    if (request.resume) meterResumed(ledger, r, request.resume);
    r.olderProcessIds = olderThan(r, request);
    Object.assign(r, { state: 'open', processId: request.processId, name: context.name });
    r.incarnation += 1;
    if (!resumed) r.wholeSince = r.incarnation;
    r.expires = leaseEnd(ledger, context);
  });
  bindShare(ledger, row);
  return { answer: answerOpen(ledger, row, context), events };
}

/**
 * Processes that are followed by this one, newest first: also those that it knows of by its journal, and whose `open` may
 * be on its way still.
 */
function olderThan(row: LedgerRow, { processId, olderProcessIds = [] }: OpenRequest): string[] {
  const ids = new Set([...olderProcessIds, row.processId, ...row.olderProcessIds]);
  return [...ids].filter((id) => id !== '' && id !== processId).slice(0, maxOlderProcessIds);
}

function newRow({ key, name }: MessageContext): LedgerRow {
  return emptyRow({ key, name, state: 'open' });
}

/**
 * Whether a journal may say more than is booked. What one from before a loss says is within what was lost then, and later
 * spending is not in it. One behind the last report says nothing that was not reported since, and calls unknown what is known.
 */
function isNews(row: LedgerRow, { incarnation, seq }: NonNullable<OpenRequest['resume']>): boolean {
  return incarnation >= row.wholeSince && seq >= row.seq;
}

/** Usage of a report that was not booked before its process ended; raising `seq` keeps it from being added again. */
function meterResumed(ledger: Ledger, row: LedgerRow, resume: NonNullable<OpenRequest['resume']>): void {
  if (resume.seq <= row.seq) return;
  meter(ledger, resume.usage);
  row.seq = resume.seq;
}

/**
 * A journal may be gone on from when it knows all that this row knows, and evidence has not decided yet. One that turns
 * up after another process had to begin without it is of no use: what it could spend is lost.
 */
function mayResume(row: Readonly<LedgerRow>, resume: OpenRequest['resume']): boolean {
  if (!resume || row.state === 'released') return false;
  if (resume.incarnation > row.incarnation || resume.incarnation < row.wholeSince) return false;
  return resume.seq >= row.seq && !goesBackwards(row, resume);
}

/** What the last process of this holder had left, and what it did not know, is held until evidence decides. */
function loseRest(row: LedgerRow, nowMs: number): LedgerEvent[] {
  const amount = unused(row) + row.unknown;
  if (amount === 0n) return [];
  if (row.lost === 0n) row.lostSinceMs = nowMs;
  row.lost += amount;
  row.unknown = 0n;
  row.unknownCosts = [];
  return [{ type: 'LeaseLost', key: row.key, name: row.name, amount }];
}

function report(ledger: Ledger, request: ReportRequest, context: MessageContext): Outcome {
  const before = ledger.rows.get(context.key);
  if (!before || request.incarnation > before.incarnation) return refuse('row_unknown', context);
  if (request.incarnation < before.incarnation)
    return { ...refuse('process_superseded', context), events: bookLate(ledger, before, request) };
  const released = before.state === 'released';
  if (request.seq <= before.seq)
    return released
      ? refuse('row_released', context)
      : { answer: answerReport(ledger, before, context), events: [] };
  if (request.seq > before.seq + 1) return refuse('sequence_gap', context);
  const wrong = whatIsWrong(ledger, before, request);
  if (wrong) return refuse(wrong, context);
  const events: LedgerEvent[] = [];
  const row = changeRow(ledger, before, (r) => {
    if (r.state === 'expired') {
      events.push({ type: 'LeaseReclaimed', key: r.key, name: r.name, amount: unused(r) });
      r.state = 'open';
    }
    events.push(...book(r, request, r.state === 'open'));
    r.seq = request.seq;
    meter(ledger, request.usage);
    renew(r, ledger, context);
  });
  if (released) return { ...refuse('row_released', context), events };
  const granted = grant(ledger, row, request, context);
  return { answer: answerReport(ledger, granted, context), events };
}

/** Why these figures cannot be true; of a released row they may be behind what evidence said. */
function whatIsWrong(
  ledger: Ledger,
  row: Readonly<LedgerRow>,
  figures: Figures,
): LeaseRefusalReason | undefined {
  if (row.state !== 'released' && goesBackwards(row, figures)) return 'report_backwards';
  return hasRoomFor(ledger, row, figures) ? undefined : 'figures_too_large';
}

function goesBackwards(row: Readonly<LedgerRow>, figures: Figures): boolean {
  return figures.spent < row.spent || figures.returned < row.returned;
}

/**
 * Books cumulative figures. Spending is booked whatever it is; what was returned counts only while the row is the
 * holder's, and only as far as something is left; nothing is ever credited twice.
 */
function book(row: LedgerRow, figures: Figures, creditReturns: boolean): LedgerEvent[] {
  const unknown = figures.unknown.reduce((sum, cost) => sum + cost.amount, 0n);
  const total = figures.spent + unknown;
  row.spent = max(row.spent, figures.spent);
  row.unknown = max(0n, total - row.spent);
  row.unknownCosts = row.unknown === unknown ? figures.unknown : [];
  const events = bookExcess(row, min(figures.overrun, figures.spent));
  if (creditReturns) row.returned += min(max(0n, figures.returned - row.returned), unused(row));
  return events;
}

/**
 * Takes what passes the grant out of what was released: evidence had denied it, and was incomplete. What is left after
 * that was spent beyond the grant, as is what the holder itself says of single requests.
 */
function bookExcess(row: LedgerRow, declared: NanoCu): LedgerEvent[] {
  const { key, name, overrun: before } = row;
  row.overrun = max(before, declared);
  const revoked = max(0n, min(row.released, beyondGrant(row)));
  row.released -= revoked;
  row.overrun += max(0n, beyondGrant(row));
  const events: LedgerEvent[] = [];
  if (revoked > 0n) events.push({ type: 'ReleaseRevoked', key, name, amount: revoked });
  if (row.overrun > before) events.push({ type: 'Overrun', key, name, amount: row.overrun - before });
  return events;
}

/** By how much a row's figures pass what it was granted; negative while something is unused. */
function beyondGrant(row: LedgerRow): NanoCu {
  const { granted, spent, overrun, unknown, lost, returned, released } = row;
  return spent - overrun + unknown + lost + returned + released - granted;
}

/** A renewal is worth a write only once half the life is gone, or when lives have become shorter. */
function renew(row: LedgerRow, ledger: Ledger, context: MessageContext): void {
  const life = leaseLife(ledger, context.leaseSeconds);
  const left = row.expires - Math.floor(context.nowMs / 1000);
  if (left < life / 2 || left > life) row.expires = leaseEnd(ledger, context);
}

/** The row with what it was granted, or as it was. */
function grant(
  ledger: Ledger,
  row: Readonly<LedgerRow>,
  request: ReportRequest,
  context: MessageContext,
): Readonly<LedgerRow> {
  if (!request.ask || row.state !== 'open' || !mayGrant(ledger, context)) return row;
  const amount = grantSize(request.ask, ledger, context);
  if (amount === 0n) return row;
  return changeRow(ledger, row, (r) => {
    r.granted += amount;
    r.expires = leaseEnd(ledger, context);
  });
}

/** Refused because ledger and holder tell different stories: neither a restart nor a lost message explains it. */
const unexplained: ReadonlySet<LeaseRefusalReason> = new Set<LeaseRefusalReason>([
  'row_unknown',
  'sequence_gap',
  'report_backwards',
  'figures_too_large',
]);

function refuse(reason: LeaseRefusalReason, context: MessageContext): Outcome {
  const event: LedgerEvent = { type: 'ReportRefused', key: context.key, name: context.name, refusal: reason };
  return { answer: refusal(reason), events: unexplained.has(reason) ? [event] : [] };
}

function max(first: NanoCu, ...others: NanoCu[]): NanoCu {
  return others.reduce((a, b) => (a > b ? a : b), first);
}

function min(a: NanoCu, b: NanoCu): NanoCu {
  return a < b ? a : b;
}
