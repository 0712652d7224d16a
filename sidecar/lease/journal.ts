import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import {
  type Lease,
  type LeaseRecord,
  applyRecord,
  newLease,
  snapshotRecord,
} from '../../accounting/lease.ts';
import { decodeRecord, encodeRecord } from './record-line.ts';

/** Why the journal could not do what was asked. */
export type JournalErrorReason = 'write_failed' | 'closed' | 'bad_name';

/** The journal cannot take a record: nothing that needs one may happen. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly reason: JournalErrorReason;

  constructor(reason: JournalErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** What was found in the folder for one ledger. `unusable`: it was renamed aside and is never gone on from. */
export type Replay =
  | { state: 'absent' }
  | { state: 'whole'; lease: Lease; tornBytes: number }
  | { state: 'unusable'; movedTo: string; cause: unknown };

const suffix = '.journal';
const lineFeed = 0x0a;
const ledgerUidForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * The file that a lease is rebuilt from after its process ended: one record a line, written before the record
 * takes effect outside. It lies in memory (it must survive the process and must not survive a reboot), so a
 * record is safe once `writeSync` is back.
 */
export class Journal {
  readonly path: string;
  #fd: number | undefined;
  #bytes: number;
  #damaged = false;

  private constructor(file: string, fd: number, bytes: number) {
    this.path = file;
    this.#fd = fd;
    this.#bytes = bytes;
  }

  /**
   * Opens the journal of a ledger and replays what is in it. Only the one process that holds the application's
   * port may do so.
   *
   * @throws JournalError `bad_name`; errors of the file system
   */
  static open(folder: string, ledgerUid: string): { journal: Journal; replay: Replay } {
    const file = journalPath(folder, ledgerUid);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const replay = replayFile(file, ledgerUid);
    const fd = openSync(file, 'a', 0o600);
    const content = replay.state === 'whole' ? readFileSync(file) : Buffer.alloc(0);
    const journal = new Journal(file, fd, content.length);
    if (replay.state === 'absent') journal.#cutBack(0);
    if (replay.state === 'whole' && replay.tornBytes > 0) journal.#cutBack(content.length - replay.tornBytes);
    return { journal, replay };
  }

  /** Size of the file in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a write failed, so that nothing may be appended before a `rewrite` succeeded. */
  get damaged(): boolean {
    return this.#damaged;
  }

  /**
   * Appends a record; when this returns the record is in the file.
   *
   * @throws JournalError `write_failed` (full or broken volume) or `closed`
   */
  append(record: LeaseRecord): void {
    if (this.#fd === undefined) throw new JournalError('closed', 'the journal is closed');
    if (this.#damaged)
      throw new JournalError('write_failed', 'the journal has failed before and was not rewritten');
    const line = encodeRecord(record);
    try {
      writeWhole(this.#fd, line);
    } catch (cause) {
      this.#damaged = true;
      throw new JournalError('write_failed', `cannot write the journal ${this.path}: free its volume`, {
        cause,
      });
    }
    this.#bytes += line.length;
  }

  /**
   * Replaces the file by one snapshot of the lease: makes it small, and whole again after a failed write. Either
   * the old file is in place or the new one.
   *
   * @throws JournalError
   */
  rewrite(lease: Lease): void {
    if (this.#fd === undefined) throw new JournalError('closed', 'the journal is closed');
    const next = `${this.path}.next`;
    try {
      const fd = openSync(next, 'w', 0o600);
      const line = encodeRecord(snapshotRecord(lease));
      try {
        writeWhole(fd, line);
        fsyncSync(fd);
        renameSync(next, this.path);
      } catch (error) {
        closeSync(fd);
        throw error;
      }
      closeSync(this.#fd);
      this.#fd = fd;
      this.#bytes = line.length;
      this.#damaged = false;
    } catch (cause) {
      throw new JournalError('write_failed', `cannot rewrite the journal ${this.path}: free its volume`, {
        cause,
      });
    }
  }

  close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Closes and deletes the file: for a lease of which nothing is left to tell. */
  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  #cutBack(bytes: number): void {
    if (this.#fd === undefined) return;
    ftruncateSync(this.#fd, bytes);
    this.#bytes = bytes;
  }
}

/** Ledgers that have a journal in the folder. */
export function journaledLedgers(folder: string): string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix) && ledgerUidForm.test(name.slice(0, -suffix.length)))
    .map((name) => name.slice(0, -suffix.length));
}

function journalPath(folder: string, ledgerUid: string): string {
  if (!ledgerUidForm.test(ledgerUid))
    throw new JournalError('bad_name', 'the uid of a ledger must be letters, digits, dots and dashes');
  return path.join(folder, `${ledgerUid}${suffix}`);
}

function replayFile(file: string, ledgerUid: string): Replay {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { state: 'absent' };
    throw error;
  }
  // The first record was being written when the process ended: nothing has happened to this lease.
  if (!content.includes(lineFeed)) return { state: 'absent' };
  try {
    return replayContent(content, ledgerUid);
  } catch (cause) {
    const movedTo = `${file}.broken`;
    renameSync(file, movedTo);
    return { state: 'unusable', movedTo, cause };
  }
}

/**
 * The lease that a journal tells of. A last line without its line end was being written when the process ended: its
 * effect never happened. A whole line that is wrong is damage, and throws.
 */
export function replayContent(content: Buffer, ledgerUid: string): Replay {
  const lease = newLease({ budget: '', ledgerUid, processId: '' });
  let start = 0;
  for (let end = content.indexOf(lineFeed); end >= 0; end = content.indexOf(lineFeed, start)) {
    applyRecord(lease, decodeRecord(content.subarray(start, end)));
    start = end + 1;
  }
  if (lease.ledgerUid !== ledgerUid)
    throw new JournalError('bad_name', 'the journal is of another ledger than its name says');
  return { state: 'whole', lease, tornBytes: content.length - start };
}

function writeWhole(fd: number, line: Buffer): void {
  let written = 0;
  while (written < line.length) written += writeSync(fd, line, written);
}
