/** Addresses of pods: 127.0.1.1 to 127.0.254.254, each its own. Below 127.0.1.0 lie the machine's usual ones. */
export class PodAddresses {
  readonly #used = new Map<string, string>();
  readonly #random: (limit: number) => number;

  /** `random` gives an integer from 0 to below its argument; random, so that several runners of one machine rarely meet. */
  constructor(random: (limit: number) => number) {
    this.#random = random;
  }

  /** The address of a pod: the one it `had`, if free, else a new one. */
  take(uid: string, had?: string): string {
    const mine = this.#used.get(uid);
    if (mine !== undefined) return mine;
    const taken = new Set(this.#used.values());
    let address = had ?? this.#candidate();
    while (taken.has(address)) address = this.#candidate();
    this.#used.set(uid, address);
    return address;
  }

  release(uid: string): void {
    this.#used.delete(uid);
  }

  #candidate(): string {
    return `127.0.${1 + this.#random(254)}.${1 + this.#random(254)}`;
  }
}
