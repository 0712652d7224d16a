import type { NanoCu } from './amount.ts';
import type { Ask, MeteredUsage, RowFigures, UnknownCost, UnknownReason } from './messages.ts';
import { maxOlderProcessIds, maxUsageLines } from './messages.ts';
import type { MeteredLines, RequestUsage } from './metered-usage.ts';
import { addUsage, sortedUsage, usageKey, utcDay } from './metered-usage.ts';
import type { Unknown, UnknownCosts } from './unknown-costs.ts';
import { sumOldest } from './unknown-costs.ts';

/**
 * The holder's half of a lease: what one pod may still spend from one ledger.
 *
 * Everything that happens is a record; a record is written to the journal BEFORE it takes effect outside, and
 * `applyRecord` is the only thing that changes a lease. So a lease is what its journal says, in production, after a
 * crash and in a simulation alike. All amounts are nano-CU and cumulative over every process of the pod.
 */
export interface Lease extends UnknownCosts {
  budget: string;
  ledgerUid: string;
  processId: string;
  /** Processes that have begun since `open` was answered last, newest first. */
  begun: string[];
  /** 0 until the operator has answered `open`: nothing may be reserved before. */
  incarnation: number;
  /** Number of the last report that was sent (or may have been). */
  seq: number;
  /** The figures of report `seq` while it is unanswered: a repeat must send the same. */
  inFlight: SentRecord | undefined;
  /** From the operator's answers. */
  granted: NanoCu;
  lost: NanoCu;
  released: NanoCu;
  /** The holder's own. */
  spent: NanoCu;
  overrun: NanoCu;
  returned: NanoCu;
  reserved: NanoCu;
  unknown: NanoCu;
  reservations: Map<string, Reservation>;
  /** Metered since the last report was made. */
  usage: MeteredLines;
}

/** Lines kept free in a message for what is beyond its bound, one a day. */
const maxOtherDays = 40;

export interface Reservation {
  amount: NanoCu;
  sinceMs: number;
}

/** Figures of a report as they were when it was first sent. */
export interface SentRecord {
  type: 'sent';
  seq: number;
  spent: NanoCu;
  overrun: NanoCu;
  returned: NanoCu;
  unknown: UnknownCost[];
  usage?: MeteredUsage[];
  ask?: Ask;
  recall?: number;
}

/** One line of the journal. Times are ms since the epoch by the holder's clock, for people only. */
export type LeaseRecord =
  | { type: 'opening'; budget: string; ledgerUid: string; processId: string }
  | {
      type: 'opened';
      budget: string;
      ledgerUid: string;
      processId: string;
      incarnation: number;
      seq: number;
      resumed: boolean;
      row: RowFigures;
    }
  | SentRecord
  | { type: 'answered'; seq: number; row: RowFigures }
  | { type: 'reserve'; id: string; amount: NanoCu; atMs: number }
  | { type: 'settle'; id: string; spent: NanoCu; usage?: RequestUsage }
  | { type: 'unknown'; id: string; reason: UnknownReason; atMs: number }
  | { type: 'resolve'; id: string; spent: NanoCu }
  | { type: 'return'; amount: NanoCu }
  | SnapshotRecord;

/** A whole lease as one record: what a compacted journal begins with. */
export interface SnapshotRecord extends Omit<
  Lease,
  'begun' | 'inFlight' | 'reserved' | 'unknown' | 'reservations' | 'unknowns' | 'unknownSums' | 'usage'
> {
  type: 'snapshot';
  begun?: string[];
  usage?: MeteredUsage[];
  inFlight?: SentRecord;
  reservations: (Reservation & { id: string })[];
  unknowns: (Unknown & { id: string })[];
  unknownSums?: UnknownCost[];
}

/** A record that cannot follow what was before it: the journal is not to be trusted. */
class LeaseRecordError extends Error {
  override name = 'LeaseRecordError';
  readonly reason = 'record_out_of_order';
}

export function newLease(identity: { budget: string; ledgerUid: string; processId: string }): Lease {
  const { budget, ledgerUid, processId } = identity;
  return {
    budget,
    ledgerUid,
    processId,
    begun: [],
    incarnation: 0,
    seq: 0,
    inFlight: undefined,
    granted: 0n,
    lost: 0n,
    released: 0n,
    spent: 0n,
    overrun: 0n,
    returned: 0n,
    reserved: 0n,
    unknown: 0n,
    reservations: new Map(),
    unknowns: new Map(),
    unknownSums: new Map(),
    usage: new Map(),
  };
}

/** What no request has reserved and nothing has used: what may be reserved or returned. Negative never. */
export function idle(lease: Lease): NanoCu {
  const used = lease.spent - lease.overrun + lease.unknown + lease.lost + lease.returned + lease.released;
  const rest = lease.granted - used - lease.reserved;
  return rest > 0n ? rest : 0n;
}

/** Changes the lease as the record says. Throws LeaseRecordError when the record cannot follow. */
export function applyRecord(lease: Lease, record: LeaseRecord): void {
  if ('id' in record) return applyToRequest(lease, record);
  switch (record.type) {
    case 'opening':
      return begin(lease, record);
    case 'opened':
      return applyOpened(lease, record);
    case 'sent':
      return send(lease, record);
    case 'answered':
      expect(lease.inFlight?.seq === record.seq, 'an answer belongs to the report in flight');
      lease.inFlight = undefined;
      return adoptRow(lease, record.row);
    case 'return':
      expect(record.amount <= idle(lease), 'only what no reservation touches is returned');
      lease.returned += record.amount;
      return;
    case 'snapshot':
      return applySnapshot(lease, record);
    default:
      return refuseRecord(record);
  }
}

/** What happens to one request: reserved, then settled or unknown, and what was unknown may be resolved. */
function applyToRequest(
  lease: Lease,
  record: Extract<LeaseRecord, { type: 'reserve' | 'settle' | 'unknown' | 'resolve' }>,
): void {
  switch (record.type) {
    case 'reserve':
      expect(!lease.reservations.has(record.id), 'a request reserves once');
      lease.reservations.set(record.id, { amount: record.amount, sinceMs: record.atMs });
      lease.reserved += record.amount;
      return;
    case 'settle':
      return settle(lease, record);
    case 'unknown': {
      const { amount } = takeReservation(lease, record.id);
      lease.unknowns.set(record.id, { amount, reason: record.reason, sinceMs: record.atMs });
      lease.unknown += amount;
      return sumOldest(lease);
    }
    case 'resolve': {
      const unknown = lease.unknowns.get(record.id);
      expect(unknown !== undefined, 'only an unknown cost that is kept by itself is resolved');
      lease.unknowns.delete(record.id);
      lease.unknown -= unknown.amount;
      return book(lease, unknown.amount, record.spent);
    }
    default:
      return refuseRecord(record);
  }
}

/** The record that stands for everything that has happened to a lease so far. */
export function snapshotRecord(lease: Lease): SnapshotRecord {
  const { begun, inFlight, reserved: _, unknown: __, reservations, ...others } = lease;
  const { unknowns, unknownSums, usage, ...rest } = others;
  return {
    type: 'snapshot',
    ...rest,
    ...(begun.length > 0 && { begun }),
    ...(inFlight && { inFlight }),
    ...(unknownSums.size > 0 && { unknownSums: [...unknownSums.values()] }),
    ...(usage.size > 0 && { usage: sortedUsage(usage.values()) }),
    reservations: [...reservations].map(([id, reservation]) => ({ id, ...reservation })),
    unknowns: [...unknowns].map(([id, unknown]) => ({ id, ...unknown })),
  };
}

/**
 * What a process that finds reservations in its journal has to write first: the request was under way when the
 * process before it ended, so what it cost is unknown until evidence or the month's close tells.
 */
export function orphanRecords(lease: Lease, atMs: number): LeaseRecord[] {
  return [...lease.reservations.keys()].map((id) => ({
    type: 'unknown',
    id,
    reason: 'process_killed',
    atMs,
  }));
}

/** Its own id and those that it names to the operator. */
function begin(
  lease: Lease,
  { budget, ledgerUid, processId }: Extract<LeaseRecord, { type: 'opening' }>,
): void {
  Object.assign(lease, { budget, ledgerUid });
  lease.begun = [processId, ...lease.begun].slice(0, maxOlderProcessIds + 1);
}

function applyOpened(lease: Lease, record: Extract<LeaseRecord, { type: 'opened' }>): void {
  // A ledger that came back from a backup may begin a lease anew with a number that was there before.
  expect(
    !record.resumed || record.incarnation >= lease.incarnation,
    'an incarnation is never older than the last',
  );
  expect(lease.reserved === 0n, 'reservations of the last process are made unknown before it is followed');
  if (!record.resumed)
    Object.assign(lease, newLease(record), {
      spent: record.row.spent,
      overrun: record.row.overrun,
      returned: record.row.returned,
      // What is not told yet has happened all the same.
      usage: lease.usage,
    });
  const { budget, ledgerUid, processId, incarnation, seq } = record;
  Object.assign(lease, { budget, ledgerUid, processId, begun: [], incarnation, seq, inFlight: undefined });
  adoptRow(lease, record.row);
}

function applySnapshot(lease: Lease, record: SnapshotRecord): void {
  expect(lease.incarnation === 0, 'a snapshot is the first record');
  const { type: _, begun = [], inFlight, reservations, ...others } = record;
  const { unknowns, unknownSums = [], usage = [], ...rest } = others;
  Object.assign(lease, rest, { begun, inFlight });
  lease.usage = new Map(usage.map((line) => [usageKey(line), line]));
  lease.reservations = new Map(reservations.map(({ id, ...reservation }) => [id, reservation]));
  lease.unknowns = new Map(unknowns.map(({ id, ...unknown }) => [id, unknown]));
  lease.reserved = reservations.reduce((sum, { amount }) => sum + amount, 0n);
  lease.unknownSums = new Map(unknownSums.map((sum) => [sum.reason, sum]));
  lease.unknown = [...unknowns, ...unknownSums].reduce((sum, { amount }) => sum + amount, 0n);
}

function adoptRow(lease: Lease, row: RowFigures): void {
  lease.granted = row.granted;
  lease.lost = row.lost;
  lease.released = row.released;
}

function takeReservation(lease: Lease, id: string): Reservation {
  const reservation = lease.reservations.get(id);
  expect(reservation !== undefined, 'only a reserved request is settled');
  lease.reservations.delete(id);
  lease.reserved -= reservation.amount;
  return reservation;
}

/** What a report tells is not told again by the next one. */
function send(lease: Lease, record: SentRecord): void {
  expect(record.seq === lease.seq + 1, 'a report follows its predecessor');
  lease.seq = record.seq;
  lease.inFlight = record;
  for (const line of record.usage ?? []) lease.usage.delete(usageKey(line));
}

/** The request's day is the one it was reserved on. */
function settle(lease: Lease, { id, spent, usage }: Extract<LeaseRecord, { type: 'settle' }>): void {
  const { amount, sinceMs } = takeReservation(lease, id);
  book(lease, amount, spent);
  if (usage) addUsage(lease.usage, { day: utcDay(sinceMs), ...usage, spent }, maxUsageLines - maxOtherDays);
}

/** What a request cost beyond what it was allowed is spent all the same, and says so. */
function book(lease: Lease, allowed: NanoCu, spent: NanoCu): void {
  lease.spent += spent;
  if (spent > allowed) lease.overrun += spent - allowed;
}

function expect(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new LeaseRecordError(`the journal breaks a rule: ${rule}`);
}

function refuseRecord(record: never): never {
  throw new LeaseRecordError(`the journal holds a record of an unknown type: ${JSON.stringify(record)}`);
}
