import { countHolders, isClosedOut } from '../../accounting/ledger-fold.ts';
import type { Ledger } from '../../accounting/ledger.ts';
import type { LedgerStore, ListedLedger, StoredLedger } from './ledger-store.ts';
import type { UpkeepFailure } from './upkeep.ts';

/** Rows that a ledger may have before those of holders who are gone are folded: few enough to be read by people. */
export const roomForGone = 500;
/** Ledgers that are read in one look; the next one goes on. */
const maxReads = 100;

/** Whether nobody has to look after a ledger by itself: nothing is out, and no rows wait to be folded. */
export function isAtRest(ledger: Ledger, nowMs: number): boolean {
  if (ledger.totals.outstanding !== 0n) return false;
  if (countHolders(ledger) <= roomForGone) return true;
  return ![...ledger.rows.values()].some((row) => isClosedOut(row, nowMs));
}

/** What looking for ledgers needs. */
export interface UnnamedOptions {
  store: Pick<LedgerStore, 'list' | 'read'>;
  clock: { nowMs(): number };
  /** Whether a ledger is at hand already. */
  isAtHand: (uid: string) => boolean;
  /** Takes a ledger to hand. */
  adopt: (stored: StoredLedger) => void;
  onFailure: (failure: UpkeepFailure) => void;
  signal: AbortSignal;
}

/**
 * Finds ledgers in which something is out and which no budget and no pod names, after a restart: those of former periods
 * and of budgets that are gone.
 */
export class UnnamedLedgers {
  readonly #options: UnnamedOptions;
  /** Those at rest, by uid: the resourceVersion at which they were read. */
  #atRest: ReadonlyMap<string, string> = new Map();

  constructor(options: UnnamedOptions) {
    this.#options = options;
  }

  /** Looks once. Resolves to the uids of all ledgers there are; rejects with a KubeError. */
  async look(): Promise<ReadonlySet<string>> {
    const { store, isAtHand, signal } = this.#options;
    const listed = await store.list({ signal });
    const unknown = listed.filter(({ uid }) => !isAtHand(uid));
    const known = unknown.filter((one) => this.#atRest.get(one.uid) === one.resourceVersion);
    const atRest = new Map(known.map(({ uid, resourceVersion }) => [uid, resourceVersion]));
    const unread = unknown.filter(({ uid }) => !atRest.has(uid));
    for (const one of unread.slice(0, maxReads))
      if (!signal.aborted && (await this.#rests(one))) atRest.set(one.uid, one.resourceVersion);
    this.#atRest = atRest;
    return new Set(listed.map(({ uid }) => uid));
  }

  /** Reads a ledger, and takes it to hand unless it is at rest. */
  async #rests({ name, uid }: ListedLedger): Promise<boolean> {
    const { store, clock, isAtHand, adopt, onFailure, signal } = this.#options;
    try {
      const stored = await store.read(name, { signal });
      if (stored?.uid !== uid) return false;
      if (isAtRest(stored.ledger, clock.nowMs())) return true;
      if (!isAtHand(uid)) adopt(stored);
    } catch (error) {
      onFailure({ upkeep: 'look_for_ledgers', ledger: name, error });
    }
    return false;
  }
}
