import type { BudgetRef } from '../configuration/budget-ref.ts';

/** A token for SAP's APIs. Never log it. */
export interface AccessToken {
  accessToken: string;
  /** When it ends, ms since the epoch by this machine's clock. */
  expiresAtMs: number;
}

/** Tokens by budget, as the lease service hands them to sidecars. */
export interface BudgetTokens {
  /**
   * A token of the budget's subscription that is at most half way through its life, or as good as SAP gives.
   * Rejects with a SapError (`BudgetUnavailable` for a budget that is not usable), or with the signal's reason.
   */
  tokenFor(budget: BudgetRef, options: { signal: AbortSignal }): Promise<AccessToken>;
}
