import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { PodIdentity } from './pod-directory.ts';

/** Who calls, and what the caller may spend from, the default first. */
export interface Caller {
  pod: PodIdentity;
  budgets: readonly BudgetRef[];
  /** What the pod's annotation says about unified metering, as it is there. */
  metering?: string | undefined;
  /** Fires when the caller has gone or the service ends. */
  signal: AbortSignal;
}

/** Answers a call with JSON text; what it throws becomes a status by the table of `errors.ts`. */
export type Endpoint = (caller: Caller, body: unknown) => Promise<string>;
