import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { formatAmount, parseAmount } from '../../accounting/amount.ts';
import type { LeaseRecord } from '../../accounting/lease.ts';
import { meteredUsage, unknownReason } from '../../accounting/messages.ts';

/** Version of the line format and of the records in it. */
const journalVersion = 1;

/** Why a line of a journal cannot be read. */
export type RecordLineErrorReason = 'malformed' | 'unknown_version' | 'damaged';

/** A line that is not a record written by this program, or no longer one. */
class RecordLineError extends Error {
  override readonly name = 'RecordLineError';
  readonly reason: RecordLineErrorReason;

  constructor(reason: RecordLineErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

const amount = z.string().transform((text) => parseAmount(text));
const count = z.int().min(0);
const id = z.string().min(1).max(128);

const row = z.strictObject({
  granted: amount,
  spent: amount,
  overrun: amount,
  unknown: amount,
  lost: amount,
  returned: amount,
  released: amount,
});
const unknownSum = z.strictObject({ reason: unknownReason, count, amount, sinceMs: count });
const sent = z.strictObject({
  type: z.literal('sent'),
  seq: count,
  spent: amount,
  overrun: amount,
  returned: amount,
  unknown: z.array(unknownSum),
  usage: z.array(meteredUsage).exactOptional(),
  ask: z.strictObject({ need: amount, want: amount, least: amount.exactOptional() }).exactOptional(),
  recall: count.exactOptional(),
});
const requestUsage = meteredUsage.omit({ day: true, spent: true });
const process = { budget: id, ledgerUid: id, processId: id, incarnation: count, seq: count };
const reservation = { id, amount, sinceMs: count };

const leaseRecord = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('opening'), budget: id, ledgerUid: id, processId: id }),
  z.strictObject({ type: z.literal('opened'), ...process, resumed: z.boolean(), row }),
  sent,
  z.strictObject({ type: z.literal('answered'), seq: count, row }),
  z.strictObject({ type: z.literal('reserve'), id, amount, atMs: count }),
  z.strictObject({ type: z.literal('settle'), id, spent: amount, usage: requestUsage.exactOptional() }),
  z.strictObject({ type: z.literal('unknown'), id, reason: unknownReason, atMs: count }),
  z.strictObject({ type: z.literal('resolve'), id, spent: amount }),
  z.strictObject({ type: z.literal('return'), amount }),
  z.strictObject({
    type: z.literal('snapshot'),
    ...process,
    begun: z.array(id).exactOptional(),
    inFlight: sent.exactOptional(),
    granted: amount,
    lost: amount,
    released: amount,
    spent: amount,
    overrun: amount,
    returned: amount,
    reservations: z.array(z.strictObject(reservation)),
    unknowns: z.array(z.strictObject({ ...reservation, reason: unknownReason })),
    unknownSums: z.array(unknownSum).exactOptional(),
    usage: z.array(meteredUsage).exactOptional(),
  }),
]);

/**
 * One record as a line of the journal: `<version> <bytes of JSON> <CRC32 of JSON, hex> <JSON>\n`, amounts as
 * decimal CU. Read back by `decodeRecord`.
 */
export function encodeRecord(record: LeaseRecord): Buffer {
  const json = jsonOf(record);
  const crc = crc32(json).toString(16).padStart(8, '0');
  return Buffer.from(`${journalVersion} ${Buffer.byteLength(json)} ${crc} ${json}\n`);
}

/** The two records that every request writes do without a replacer, with which this takes twice as long. */
function jsonOf(record: LeaseRecord): string {
  if (record.type === 'reserve') return JSON.stringify({ ...record, amount: formatAmount(record.amount) });
  if (record.type === 'settle') return JSON.stringify({ ...record, spent: formatAmount(record.spent) });
  return JSON.stringify(record, (_key, value: unknown) =>
    typeof value === 'bigint' ? formatAmount(value) : value,
  );
}

/**
 * Reads one line, given without its line end.
 *
 * @throws RecordLineError
 */
export function decodeRecord(line: Buffer): LeaseRecord {
  const head = lineHead.exec(line.subarray(0, maxHeadBytes).toString('latin1'));
  if (head === null)
    throw new RecordLineError('malformed', 'a line of the journal has no length and checksum');
  const [text, version, length, crc] = head;
  if (Number(version) !== journalVersion)
    throw new RecordLineError(
      'unknown_version',
      `the journal is of version ${version}, not ${journalVersion}`,
    );
  const json = line.subarray(text.length);
  if (json.length !== Number(length) || crc32(json) !== Number.parseInt(crc ?? '', 16))
    throw new RecordLineError('damaged', 'a line of the journal differs from its length or checksum');
  return parseRecord(json.toString('utf8'));
}

const maxHeadBytes = 40;
const lineHead = /^(\d{1,9}) (\d{1,9}) ([0-9a-f]{8}) /;

function parseRecord(json: string): LeaseRecord {
  try {
    return leaseRecord.parse(JSON.parse(json));
  } catch (cause) {
    throw new RecordLineError('malformed', 'a line of the journal is not a record', { cause });
  }
}
