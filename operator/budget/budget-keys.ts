import { budgetKey } from '../configuration/budget-ref.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { AccessToken, BudgetTokens } from '../sap/access-token.ts';
import { SapError } from '../sap/sap-error.ts';
import type { ServiceKey } from '../sap/service-key.ts';
import type { TokenBroker } from '../sap/token-broker.ts';

/** The service keys of the budgets that can be spent from now, and the tokens they give. */
export class BudgetKeys implements BudgetTokens {
  readonly #broker: TokenBroker;
  readonly #keys = new Map<string, ServiceKey>();

  constructor({ broker }: { broker: TokenBroker }) {
    this.#broker = broker;
  }

  /** From now on tokens of this budget come by this key; undefined: there are none. */
  use(budget: BudgetRef, key: ServiceKey | undefined): void {
    if (key === undefined) this.#keys.delete(budgetKey(budget));
    else this.#keys.set(budgetKey(budget), key);
  }

  tokenFor(budget: BudgetRef, { signal }: { signal: AbortSignal }): Promise<AccessToken> {
    const key = this.#keys.get(budgetKey(budget));
    if (key !== undefined) return this.#broker.token(key, { signal });
    const message = `budget ${budgetKey(budget)} cannot be spent from now: see its conditions`;
    return Promise.reject(new SapError('BudgetUnavailable', message));
  }
}
