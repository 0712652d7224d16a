import type { Dispatcher } from 'undici';
import type { SapAiBudget } from '../../crds/budget.ts';
import type { SapAiRateCard } from '../../crds/rate-card.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { Configurations } from '../configuration/configurations.ts';
import type { CoverageBoard } from '../coverage/coverage-board.ts';
import type { Coverage } from '../coverage/count-pods.ts';
import type { Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/resource.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import type { LedgerStore } from '../ledger/ledger-store.ts';
import type { Ledgers } from '../ledger/ledgers.ts';
import type { Leadership } from '../replicas/leadership.ts';
import type { TokenBroker } from '../sap/token-broker.ts';
import type { Subscription, UsageBoard } from '../usage/usage-board.ts';
import type { BudgetKeys } from './budget-keys.ts';
import type { SecretReader } from './secret-reader.ts';
import type { Relatives } from './family.ts';
import type { Standings } from './standings.ts';
import type { Subscriptions } from './subscriptions.ts';

/** An event on an object, for `kubectl describe`. */
export interface ObjectEvent {
  type: 'Normal' | 'Warning';
  /** One CamelCase word: the condition's, where there is one. */
  reason: string;
  /** What the operator did, one CamelCase word. */
  action: string;
  note: string;
}
export type RecordEvent = (object: KubeObject, event: ObjectEvent) => void;

/** A read-only view of a cache. */
export interface Cache<T> {
  get(key: string): T | undefined;
  list(): T[];
}

/** Times of the reconcile, from the operator's settings. */
export interface BudgetSettings {
  /** How old what AI Core said may be. */
  refreshMs: number;
  /** Hosts beside SAP's own that a service key may name. */
  allowedSapHosts: readonly string[];
}

/** All that reconciles of budgets work with. */
export interface BudgetServices {
  /** Writes only while this replica leads. */
  kube: KubeClient;
  leadership: Leadership;
  budgets: Cache<SapAiBudget & KubeObject>;
  rateCards: Cache<SapAiRateCard & KubeObject>;
  secrets: SecretReader;
  subscriptions: Subscriptions;
  /** All budgets, and labels of namespaces: who may be below whom. */
  relatives: Relatives;
  standings: Standings;
  ledgers: Ledgers;
  ledgerStore: LedgerStore;
  configurations: Configurations;
  broker: TokenBroker;
  dispatcher: Dispatcher;
  /** The API server's time, as far as it is known here. */
  clock: Clock;
  /** What the poller saw of billed usage and entitlement. */
  usage: UsageBoard;
  /** Which pods are guarded. */
  coverage: Pick<CoverageBoard, 'get'>;
  settings: BudgetSettings;
  recordEvent: RecordEvent;
  tokens: BudgetKeys;
  /** Told of each reconcile; `ledger` and `ready` are missing once the budget is gone, or is another replica's to tell of. For metrics: must not throw. */
  onObserved?: (seen: {
    budget: BudgetRef;
    ledger?: LedgerSnapshot;
    ready?: boolean;
    subscription?: Subscription;
    coverage?: Coverage;
  }) => void;
}
