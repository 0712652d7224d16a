import type { Logger } from 'pino';
import { type Lease, type LeaseRecord, applyRecord } from '../../accounting/lease.ts';
import { type Journal, JournalError } from './journal.ts';

/** From this size on a journal is replaced by a snapshot, if that makes it smaller by half or more. */
const compactFromBytes = 256 * 1024;
/** A generous size of one reservation or unknown cost in a snapshot. */
const bytesPerEntry = 256;

/** A lease and its journal: a record is in the file before it changes the lease. */
export class LeaseBook {
  readonly lease: Lease;
  readonly #journal: Journal;
  readonly #log: Logger;
  #compactAt = compactFromBytes;

  constructor(options: { lease: Lease; journal: Journal; log: Logger }) {
    this.lease = options.lease;
    this.#journal = options.journal;
    this.#log = options.log;
  }

  /** Whether the journal takes no records: nothing may be reserved. */
  get damaged(): boolean {
    return this.#journal.damaged;
  }

  /**
   * Writes a record whose effect may still be called off.
   *
   * @throws JournalError when it could not be written; the lease is unchanged
   */
  write(record: LeaseRecord): void {
    if (this.#journal.damaged || !this.#appended(record)) {
      this.#journal.rewrite(this.lease);
      this.#journal.append(record);
    }
    applyRecord(this.lease, record);
    this.#compact();
  }

  /**
   * Writes a record of what has happened already. When the journal fails, memory goes on alone: a process that
   * follows finds an older journal, and the operator holds the difference.
   */
  writeFact(record: LeaseRecord): void {
    try {
      this.write(record);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      this.#log.error({ err: error, reason: 'journal_unavailable' }, 'journal cannot be written');
      applyRecord(this.lease, record);
    }
  }

  close(): void {
    this.#journal.close();
  }

  /** For a lease of which everything is told. */
  remove(): void {
    this.#journal.remove();
  }

  /** A snapshot may have room where one more line had not: the first failure is not the last word. */
  #appended(record: LeaseRecord): boolean {
    try {
      this.#journal.append(record);
      return true;
    } catch (error) {
      if (error instanceof JournalError && error.reason === 'write_failed') return false;
      throw error;
    }
  }

  #compact(): void {
    if (this.#journal.bytes < this.#compactAt) return;
    const { reservations, unknowns } = this.lease;
    const live = (reservations.size + unknowns.size + 1) * bytesPerEntry;
    this.#compactAt = Math.max(compactFromBytes, 2 * live);
    if (this.#journal.bytes < this.#compactAt) return;
    try {
      this.#journal.rewrite(this.lease);
    } catch (error) {
      // The long journal is as good as before; the next attempt is a while away.
      this.#compactAt = this.#journal.bytes + compactFromBytes;
      this.#log.warn({ err: error }, 'journal could not be made smaller');
    }
  }
}
