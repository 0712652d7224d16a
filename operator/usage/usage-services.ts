import type { Dispatcher } from 'undici';
import type { SapAiBudget } from '../../crds/budget.ts';
import type { Cache } from '../budget/services.ts';
import type { SecretReader } from '../budget/secret-reader.ts';
import type { Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/resource.ts';
import type { LedgerStore } from '../ledger/ledger-store.ts';
import type { Ledgers } from '../ledger/ledgers.ts';
import type { TokenBroker } from '../sap/token-broker.ts';
import type { FinalMonths } from './consumption.ts';
import type { UsageBoard } from './usage-board.ts';

/** All that polling usage works with. */
export interface UsageServices {
  kube: KubeClient;
  budgets: Cache<SapAiBudget & KubeObject>;
  /** A reader of its own: it follows one Secret a user, and the budget's is AI Core's. */
  secrets: SecretReader;
  ledgerStore: LedgerStore;
  ledgers: Pick<Ledgers, 'find'>;
  broker: TokenBroker;
  dispatcher: Dispatcher;
  /** The API server's time: days are counted by it. */
  clock: Clock;
  allowedSapHosts: readonly string[];
  board: UsageBoard;
  /** Told that there is something new on the board. */
  onReport: (budget: string) => void;
  /** Told of each poll. For metrics: must not throw. */
  onPoll?: (poll: { result: 'ok' | 'failed'; durationMs: number }) => void;
}

/** What the polls of one budget leave each other. */
export interface UsageMemory {
  /** Keys and settings by which it was polled last. */
  source?: string;
  /** The annotation that asked for the last poll. */
  asked?: string | undefined;
  /** When to poll again, ms since 1970. */
  nextMs: number;
  /** Polls that have failed since the last that did not. */
  failures: number;
  finalMonths: FinalMonths;
}
