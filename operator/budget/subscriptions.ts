/** A budget as far as it matters for who may use a subscription. */
export interface Claimant {
  key: string;
  uid: string;
  /** RFC 3339, as the API server wrote it. */
  createdAt: string;
}

interface Claim extends Claimant {
  identities: readonly string[];
}

/** `granted`; or `taken` by an older budget; or `undecided` until older budgets have been looked at. */
export type Decision = { state: 'granted' } | { state: 'taken'; by: string } | { state: 'undecided' };

/**
 * Which budget spends from which SAP subscription. Two budgets with one subscription would each spend all that is left
 * of it, so only the oldest one may.
 */
export class Subscriptions {
  readonly #claims = new Map<string, Claim>();
  readonly #onRevoked: (key: string) => void;

  /** `onRevoked` is told of budgets whose decision may be another one now. */
  constructor({ onRevoked }: { onRevoked: (key: string) => void }) {
    this.#onRevoked = onRevoked;
  }

  /**
   * Claims the subscription with these identities, or none at all where the budget has no usable key. `others` are all
   * budgets there are: the decision waits until the older ones among them have made their claims.
   */
  claim(claimant: Claimant, identities: readonly string[], others: readonly Claimant[]): Decision {
    const before = this.#claims.get(claimant.key);
    this.#claims.set(claimant.key, { ...claimant, identities });
    if (before?.uid !== claimant.uid || !sameTexts(before.identities, identities)) {
      this.#tellOthers(claimant.key, [...identities, ...(before?.identities ?? [])]);
    }
    if (identities.length === 0) return { state: 'granted' };
    const older = others.filter((other) => isOlder(other, claimant));
    const owner = older.find(({ key }) => shares(this.#claims.get(key)?.identities ?? [], identities));
    if (owner !== undefined) return { state: 'taken', by: owner.key };
    const unknown = older.some(({ key, uid }) => this.#claims.get(key)?.uid !== uid);
    return { state: unknown ? 'undecided' : 'granted' };
  }

  /** The budget is gone: who was refused because of it is looked at again. */
  release(key: string): void {
    const claim = this.#claims.get(key);
    this.#claims.delete(key);
    if (claim) this.#tellOthers(key, claim.identities);
  }

  #tellOthers(key: string, identities: readonly string[]): void {
    for (const claim of this.#claims.values()) {
      if (claim.key !== key && shares(claim.identities, identities)) this.#onRevoked(claim.key);
    }
  }
}

function isOlder(a: Claimant, b: Claimant): boolean {
  if (a.key === b.key) return false;
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt;
  return a.uid < b.uid;
}

function shares(a: readonly string[], b: readonly string[]): boolean {
  return a.some((identity) => b.includes(identity));
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text) => b.includes(text));
}
