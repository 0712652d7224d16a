import type { LedgerRow } from './ledger.ts';

/** Ends of leases that are remembered: more than a lease has seconds. The earliest are forgotten first: they are over. */
const maxEnds = 4096;

/**
 * How many holders' leases run, by namespace: counted along with every change of a row, so that a grant need not look
 * through all of them. For the sizes of grants only.
 */
export class LiveHolders {
  /** By the end of their leases, in seconds since the epoch. */
  readonly #byEnd: Map<number, ReadonlyMap<string, number>>;

  constructor(byEnd: ReadonlyMap<number, ReadonlyMap<string, number>> = new Map()) {
    this.#byEnd = new Map(byEnd);
  }

  /** A row comes (1) or goes (-1). */
  note({ state, expires, name }: Readonly<LedgerRow>, by: 1 | -1): void {
    if (state !== 'open') return;
    const known = this.#byEnd.get(expires);
    // It was forgotten.
    if (known === undefined && by < 0) return;
    const namespace = namespaceOf(name);
    const counts = new Map(known);
    const holders = (known?.get(namespace) ?? 0) + by;
    if (holders > 0) counts.set(namespace, holders);
    else counts.delete(namespace);
    if (counts.size > 0) this.#byEnd.set(expires, counts);
    else this.#byEnd.delete(expires);
    if (this.#byEnd.size > maxEnds) this.#forgetHalf();
  }

  /** Of each namespace with any, how many have a lease that has not ended by then. */
  at(nowMs: number): Map<string, number> {
    const live = new Map<string, number>();
    for (const [end, counts] of this.#byEnd) {
      if (end * 1000 < nowMs) continue;
      for (const [namespace, holders] of counts) live.set(namespace, (live.get(namespace) ?? 0) + holders);
    }
    return live;
  }

  copy(): LiveHolders {
    return new LiveHolders(this.#byEnd);
  }

  #forgetHalf(): void {
    const ends = [...this.#byEnd.keys()].sort((a, b) => a - b);
    for (const end of ends.slice(0, maxEnds / 2)) this.#byEnd.delete(end);
  }
}

/** The namespace in a holder's name; empty where it has none. */
export function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf('/')));
}
