import type { LedgerRow } from './ledger.ts';

/** Leases that end within as many seconds are counted together. */
const slotSeconds = 15;
/** Slots that are kept below the latest one: longer than any lease lives. */
const keptSlots = 256;

/**
 * How many holders' leases run, by namespace: counted along with every change of a row, so that a grant need not look
 * through all of them. For the sizes of grants only: a count that a wrong clock spoils does no harm.
 */
export class LiveHolders {
  /** By the time in which leases end. */
  readonly #slots: Map<number, ReadonlyMap<string, number>>;

  constructor(slots: ReadonlyMap<number, ReadonlyMap<string, number>> = new Map()) {
    this.#slots = new Map(slots);
  }

  /** A row comes (1) or goes (-1). */
  note({ state, expires, name }: Readonly<LedgerRow>, by: 1 | -1): void {
    if (state !== 'open') return;
    const slot = slotOf(expires);
    const known = this.#slots.get(slot);
    // It was forgotten, and is over.
    if (known === undefined && by < 0) return;
    if (known === undefined) this.#forgetBefore(slot - keptSlots);
    const namespace = namespaceOf(name);
    const holders = Math.max(0, (known?.get(namespace) ?? 0) + by);
    this.#slots.set(slot, new Map(known).set(namespace, holders));
  }

  /** Of each namespace with any, those whose leases have not ended by then, to a quarter of a minute. */
  at(nowMs: number): Map<string, number> {
    const live = new Map<string, number>();
    for (const [slot, counts] of this.#slots) {
      if (slot <= slotOf(nowMs / 1000)) continue;
      for (const [namespace, holders] of counts)
        if (holders > 0) live.set(namespace, (live.get(namespace) ?? 0) + holders);
    }
    return live;
  }

  copy(): LiveHolders {
    return new LiveHolders(this.#slots);
  }

  #forgetBefore(first: number): void {
    for (const slot of this.#slots.keys()) if (slot < first) this.#slots.delete(slot);
  }
}

/** The namespace in a holder's name; empty where it has none. */
export function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf('/')));
}

function slotOf(seconds: number): number {
  return Math.floor(seconds / slotSeconds);
}
