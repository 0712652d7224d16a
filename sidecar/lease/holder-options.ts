import type { NanoCu } from '../../accounting/amount.ts';
import type { UnknownReason } from '../../accounting/messages.ts';
import type { RequestUsage } from '../../accounting/metered-usage.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from 'pino';
import type { LeaseCall } from './courier.ts';
import type { Journal, Replay } from './journal.ts';

/** Times of a lease, in milliseconds. */
export interface LeaseTimes {
  /** How long a request waits for others to give back before it is refused. */
  readonly waitMs: number;
  /** After which time a change is reported. */
  readonly reportMs: number;
  /** After which time without traffic the idle part is returned. */
  readonly idleReturnMs: number;
}

/** A reservation that was made: exactly one of `settle` and `unknown` ends it, later calls do nothing. */
export interface Reservation {
  readonly id: string;
  readonly amount: NanoCu;
  /** The request is over and cost this much (nano-CU), more than reserved if it must be, for these tokens. */
  settle(spent: NanoCu, usage?: RequestUsage): void;
  /** The request is over and nobody knows what it cost. */
  unknown(reason: UnknownReason): void;
}

/** What one lease is held with. */
export interface LeaseHolderOptions {
  readonly budget: string;
  readonly ledgerUid: string;
  readonly journal: Journal;
  readonly replay: Replay;
  readonly call: LeaseCall;
  readonly clock: Clock;
  readonly times: LeaseTimes;
  /** In [0, 1): by it, the times of reports differ from pod to pod. */
  readonly random?: (() => number) | undefined;
  /** A random id of 16 hex digits, new each time. */
  readonly newProcessId: () => string;
  readonly log: Logger;
  /** The process must end: another one of this pod holds the lease, or the books do not add up. */
  readonly onFatal: (error: Error) => void;
  /** The operator does not know this ledger (any more): the configuration may say more. */
  readonly onLedgerUnknown: () => void;
}
