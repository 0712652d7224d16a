import type { NanoCu } from '../../accounting/amount.ts';
import { usualWeight } from '../../accounting/ledger-shares.ts';
import type { BudgetRef } from '../../operator/configuration/budget-ref.ts';
import { budgetKey } from '../../operator/configuration/budget-ref.ts';
import type { LedgerNeed } from '../../operator/ledger/ledgers.ts';
import type { Replica } from './replica.ts';
import { budget as root } from './replica.ts';

/** What a history says of a budget below another one. */
export interface BudgetPlan {
  readonly ref: BudgetRef;
  /** Index of the one above: 0 is the root, 1 the first plan. */
  readonly above: number;
  readonly limit: NanoCu;
  readonly guaranteed: NanoCu;
  readonly weight: number;
}

/** What a budget's status says of the ledger of a period. */
export interface Seen {
  readonly uid: string;
  readonly seq: number;
  /** Settled, outstanding and held together. */
  readonly sum: NanoCu;
}

/** A budget: what its author has written, and what each replica knows of that. */
export class Budget {
  readonly plan: BudgetPlan;
  readonly above: Budget | undefined;
  readonly below: Budget[] = [];
  limit: NanoCu;
  readonly knownLimits = new Map<Replica, NanoCu>();
  /** By period: which ledger is current, and the last change of it that was seen. */
  readonly status = new Map<string, Seen>();
  /** Replicas that have found it deleted, and have not reconciled it since. */
  readonly retiredBy = new Set<Replica>();
  /** A person has said that its ledger is to be gone on from as it is found. */
  accepted = false;

  constructor(plan: BudgetPlan, above: Budget | undefined) {
    this.plan = plan;
    this.above = above;
    this.limit = plan.limit;
    above?.below.push(this);
  }

  get ref(): BudgetRef {
    return this.plan.ref;
  }
  get key(): string {
    return budgetKey(this.ref);
  }
  /** From this one up to the root. */
  get path(): Budget[] {
    return this.above === undefined ? [this] : [this, ...this.above.path];
  }

  /** True where there was something this replica did not know. */
  learn(replica: Replica): boolean {
    if (this.knownLimits.get(replica) === this.limit) return false;
    this.knownLimits.set(replica, this.limit);
    return true;
  }

  /** What a replica reconciles towards, as far as it knows; undefined: the one above has no ledger of that period yet. */
  needAt(replica: Replica, period: LedgerNeed['period']): LedgerNeed | undefined {
    const parent = this.above?.status.get(period.name);
    if (this.above !== undefined && parent === undefined) return undefined;
    return {
      budget: this.ref,
      createdFor: 'budget-uid',
      period,
      rule: { timeZone: 'Etc/UTC', startDay: 1 },
      cap: this.knownLimits.get(replica) ?? this.limit,
      enforcement: 'Enforce',
      parent: this.above && parent && { budget: this.above.ref, uid: parent.uid },
      ...this.#seenOf(period.name),
      ...(this.below.length > 0 && { shares: this.#promises() }),
    };
  }

  #seenOf(period: string): Pick<LedgerNeed, 'seenSeq' | 'recovery'> {
    const { seq, sum } = this.status.get(period) ?? { seq: undefined, sum: 0n };
    return { seenSeq: seq, recovery: { accepts: () => this.accepted, seen: sum } };
  }

  #promises(): NonNullable<LedgerNeed['shares']> {
    const promised = this.below.filter(({ plan }) => plan.guaranteed > 0n || plan.weight !== usualWeight);
    return new Map(
      promised.map(({ key, plan: { guaranteed, weight } }) => [key, { guaranteed, weight }] as const),
    );
  }
}

/** The root and the budgets below it, each after the one above it. */
export function familyOf(cap: NanoCu, plans: readonly BudgetPlan[]): readonly [Budget, ...Budget[]] {
  const plan = { ref: root, above: 0, limit: cap, guaranteed: 0n, weight: usualWeight };
  const family: [Budget, ...Budget[]] = [new Budget(plan, undefined)];
  for (const below of plans) family.push(new Budget(below, family[below.above]));
  return family;
}
