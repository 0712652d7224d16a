import type { KeyPair } from '../certificates/issue.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { ConfigurationSource } from '../configuration/configuration-source.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { Ledgers } from '../ledger/ledgers.ts';
import type { Homes } from '../replicas/peers.ts';
import type { BudgetTokens } from '../sap/access-token.ts';
import type { PodIdentity } from './pod-directory.ts';
import type { RefusedCall } from './refused-call.ts';

/** The calls sidecars make, as metric labels. */
export type EndpointCall = 'configuration' | 'token' | 'lease' | 'other';

/** What the lease service says of itself; must not throw. */
export interface LeaseServiceMetrics {
  /** A request was answered. `outcome` is `ok`, `caller_left` or a reason of the table in `errors.ts`. */
  answered(request: { call: EndpointCall; outcome: string; status: number; durationMs: number }): void;
}

/** The part of a pino logger that is used here. */
export interface ServiceLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/** What `startLeaseService` of `server.ts` is given. */
export interface LeaseServiceOptions {
  /** Port 0: any that is free; `LeaseService.port` says which. */
  listen: { host: string; port: number };
  /** What is served at first; `LeaseService.useCertificates` replaces it. */
  certificates: KeyPair;
  kube: KubeClient;
  ledgers: Ledgers;
  configurationSource: ConfigurationSource;
  homes: Homes;
  /** Namespace of the root above a budget; undefined where it is not known. Absent: no budget is below another one. */
  rootNamespaceOf?: (budget: BudgetRef) => string | undefined;
  tokens: BudgetTokens;
  /** Life of a lease after each report. */
  leaseSeconds: number;
  clock: Clock;
  log: ServiceLog;
  metrics: LeaseServiceMetrics;
  /** Told of each call of a pod that is alive; must not throw. */
  onPod?: (pod: PodIdentity) => void;
  /** Told of each call of a known pod that got no answer; must not throw. */
  onRefused?: (call: RefusedCall) => void;
  /** Ends the service: it stops accepting, answers what is under way, and `closed` resolves. */
  signal: AbortSignal;
}

/** A listening lease service. */
export interface LeaseService {
  port: number;
  /** Resolves when, after the signal, the last connection is gone. */
  closed: Promise<void>;
  /** New connections get these from now on. */
  useCertificates(pair: KeyPair): void;
}
