import type { ModelConfiguration } from '../../accounting/configuration-messages.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import type { Inventory } from '../sap/inventory.ts';
import type { ServiceKey } from '../sap/service-key.ts';
import { fingerprint } from '../sap/service-key.ts';
import type { Findings } from './step.ts';

/** What budgets below another one take over from it: all of it is the root's, but for the ledger. */
export interface Standing {
  /** Uid of the budget. */
  uid: string;
  /** Absent while there is none that can be used. */
  ledger?: LedgerSnapshot;
  /** Absent while `problem` says why. */
  offer?: Offer;
  problem?: { reason: string; message: string };
}

/** What requests are made and priced with. */
export interface Offer {
  serviceKey: ServiceKey;
  inventory: Inventory;
  card: NonNullable<Findings['card']>;
  /** Those that may be called. */
  models: ModelConfiguration[];
  /** Patterns by which they were chosen. */
  allowedModels: readonly string[];
  resourceGroups: readonly string[];
}

/** Where each budget stands, for those below it. */
export class Standings {
  readonly #standings = new Map<string, Standing>();
  readonly #onChange: (key: string) => void;

  /** `onChange` is told of budgets that those below should look at; figures alone are no change. */
  constructor({ onChange }: { onChange: (key: string) => void }) {
    this.#onChange = onChange;
  }

  get(key: string): Standing | undefined {
    return this.#standings.get(key);
  }

  publish(key: string, standing: Standing): void {
    const before = this.#standings.get(key);
    this.#standings.set(key, standing);
    if (before === undefined || isNews(before, standing)) this.#onChange(key);
  }

  forget(key: string): void {
    if (this.#standings.delete(key)) this.#onChange(key);
  }
}

function isNews(before: Standing, now: Standing): boolean {
  const one = partsOf(before);
  return partsOf(now).some((part, index) => part !== one[index]);
}

/** What those below depend on, as plain values or by identity. */
function partsOf({ uid, ledger, offer, problem }: Standing): readonly unknown[] {
  return [
    uid,
    ledger && `${ledger.uid} ${ledger.period.endMs} ${ledger.cap}`,
    offer && `${fingerprint(offer.serviceKey)} ${offer.card.name} ${offer.card.generation}`,
    offer?.inventory,
    offer?.models,
    problem && `${problem.reason} ${problem.message}`,
  ];
}
