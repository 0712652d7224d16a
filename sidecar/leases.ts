import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { LeaseCall } from './lease/courier.ts';
import { LeaseHolder } from './lease/holder.ts';
import type { LeaseTimes } from './lease/holder-options.ts';
import { LeaseError } from './lease/lease-error.ts';
import { Journal, type Replay, journaledLedgers } from './lease/journal.ts';

/** What every lease of this process shares. */
export interface LeasesOptions {
  readonly folder: string;
  readonly call: LeaseCall;
  readonly clock: Clock;
  readonly times: LeaseTimes;
  readonly log: Logger;
  readonly onFatal: (error: Error) => void;
  readonly onLedgerUnknown: () => void;
}

/** A budget and the ledger of its current period. */
export interface LedgerOfBudget {
  readonly budget: string;
  readonly ledger: { readonly uid: string };
}

/** All leases of this process, one for each ledger it spends from or still has to account for. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #holders = new Map<string, LeaseHolder>();
  #current: ReadonlySet<string> | undefined;
  readonly #retiring = new Map<string, Promise<void>>();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  get holders(): readonly LeaseHolder[] {
    return [...this.#holders.values()];
  }

  /**
   * Takes up every journal that an earlier process of this pod left, and reports it. Only for the process that
   * holds the application's port.
   */
  recover(): void {
    for (const ledgerUid of journaledLedgers(this.#options.folder)) {
      const { journal, replay } = this.#openJournal(ledgerUid);
      if (replay.state === 'whole') this.#hold({ budget: replay.lease.budget, ledgerUid, journal, replay });
      else journal.remove();
    }
  }

  /**
   * The lease to spend from; it costs nothing until something is reserved.
   *
   * @throws LeaseError `lease_unavailable` when the ledger's period has ended since the request came
   */
  of({ budget, ledger }: LedgerOfBudget): LeaseHolder {
    if (this.#current !== undefined && !this.#current.has(ledger.uid))
      throw new LeaseError('lease_unavailable', 'the period of this request has just ended: try again');
    return this.#holders.get(ledger.uid) ?? this.#open({ budget, ledgerUid: ledger.uid });
  }

  /** Ledgers that this process has a lease of, for one budget. */
  ledgersOf(budget: string): string[] {
    return this.holders.filter(({ lease }) => lease.budget === budget).map(({ ledgerUid }) => ledgerUid);
  }

  /** Other holders of these budgets need what this process does not use; by budget, the number of the recall round. */
  recall(rounds: ReadonlyMap<string, number>): void {
    for (const holder of this.holders) {
      const round = rounds.get(holder.lease.budget);
      if (round !== undefined) holder.recall(round);
    }
  }

  /** Winds up the leases of ledgers that are not current any more: their periods are over. */
  keepOnly(current: ReadonlySet<string>): void {
    this.#current = current;
    for (const [ledgerUid, holder] of this.#holders) {
      if (current.has(ledgerUid) || this.#retiring.has(ledgerUid)) continue;
      this.#options.log.info({ ledgerUid }, 'lease of an older period is wound up');
      const retired = this.#retire(holder);
      this.#retiring.set(ledgerUid, retired);
    }
  }

  /** Returns what is idle, reports the last figures and closes the journals; gives up when the signal says so. */
  async close(signal: AbortSignal): Promise<void> {
    await Promise.all(this.holders.map((holder) => holder.close(signal)));
  }

  async #retire(holder: LeaseHolder): Promise<void> {
    const { ledgerUid } = holder;
    try {
      await holder.retire();
    } catch (error) {
      // All is told; the next process of this pod finds the journal once more, and winds it up again.
      this.#options.log.error({ ledgerUid, err: error }, 'journal of an older period cannot be removed');
    }
    this.#holders.delete(ledgerUid);
    this.#retiring.delete(ledgerUid);
  }

  #open(names: { budget: string; ledgerUid: string }): LeaseHolder {
    return this.#hold({ ...names, ...this.#openJournal(names.ledgerUid) });
  }

  #openJournal(ledgerUid: string): { journal: Journal; replay: Replay } {
    const opened = Journal.open(this.#options.folder, ledgerUid);
    if (opened.replay.state === 'unusable')
      this.#options.log.error(
        { ledgerUid, err: opened.replay.cause, movedTo: opened.replay.movedTo },
        'journal is unusable, what it told is held',
      );
    return opened;
  }

  #hold(found: { budget: string; ledgerUid: string; journal: Journal; replay: Replay }): LeaseHolder {
    const { folder: _, log, ...shared } = this.#options;
    const { ledgerUid } = found;
    const holder = new LeaseHolder({ ...shared, ...found, newProcessId, log: log.child({ ledgerUid }) });
    this.#holders.set(ledgerUid, holder);
    return holder;
  }
}

function newProcessId(): string {
  return randomBytes(8).toString('hex');
}
