import type { Lease, LeaseRecord } from '../../accounting/lease.ts';
import { snapshotRecord } from '../../accounting/lease.ts';
import { replayContent } from '../../sidecar/lease/journal.ts';
import { decodeRecord, encodeRecord } from '../../sidecar/lease/record-line.ts';

const lineFeed = 0x0a;

/** What a pod keeps of one ledger when its process ends: the lines of its journal, in memory-backed storage. */
export class JournalMedium {
  #lines: Buffer[] = [];
  /** As it was when it was lost last. */
  #lost: Buffer[] = [];

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  append(record: LeaseRecord): void {
    this.#lines.push(encodeRecord(record));
  }

  /** What production reads back; undefined, and empty from then on: there is nothing that can be gone on from. */
  replay(ledgerUid: string): Lease | undefined {
    const lease = this.#read(ledgerUid);
    if (lease === undefined) this.clear();
    return lease;
  }

  /** One snapshot instead of all lines, as production does once they are many. */
  compact(lease: Lease): void {
    this.#lines = [encodeRecord(snapshotRecord(lease))];
  }

  /** The last thing the process wrote was a line that did not get to its end, and so took no effect. */
  tear(record: LeaseRecord, bytes: number): void {
    const line = encodeRecord(record);
    this.#lines.push(line.subarray(0, 1 + (bytes % (line.length - 2))));
  }

  /** One bit of a digit is another now: the line still reads well, but for its checksum. */
  damage(which: number): boolean {
    const index = which % Math.max(1, this.#lines.length);
    const text = this.#lines[index]?.toString('latin1') ?? '';
    const at = text.search(/(?<=\.\d*)[1-9]"/);
    if (at < 0) return false;
    const line = Buffer.from(text, 'latin1');
    line.writeUInt8(line.readUInt8(at) ^ 1, at);
    this.#lines[index] = line;
    return true;
  }

  /** Goes back to before a report that the ledger has booked, as a restored machine does; false: there is none. */
  goBackBefore(seq: number): boolean {
    const at = this.#lines.findLastIndex((line) => isReport(line, seq));
    if (at < 0) return false;
    this.#lines.length = at;
    return true;
  }

  clear(): void {
    this.#lines = [];
  }

  /** It is gone, but for a copy that somebody may put back. */
  lose(): void {
    if (!this.isEmpty) this.#lost = this.#lines;
    this.clear();
  }

  /** What was lost takes the place of what was written since; false: nothing was lost. */
  putBack(): boolean {
    if (this.#lost.length === 0) return false;
    this.#lines = this.#lost;
    this.#lost = [];
    return true;
  }

  #read(ledgerUid: string): Lease | undefined {
    const content = Buffer.concat(this.#lines);
    if (!content.includes(lineFeed)) return undefined;
    try {
      const replayed = replayContent(content, ledgerUid);
      if (replayed.state !== 'whole') return undefined;
      if (replayed.tornBytes > 0) this.#lines.pop();
      return replayed.lease;
    } catch {
      return undefined;
    }
  }
}

function isReport(line: Buffer, upTo: number): boolean {
  if (line.at(-1) !== lineFeed || !line.includes('"sent"')) return false;
  try {
    const record = decodeRecord(line.subarray(0, -1));
    return record.type === 'sent' && record.seq <= upTo;
  } catch {
    return false; // a damaged line is no report
  }
}
