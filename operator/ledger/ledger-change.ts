import type { LedgerEvent } from '../../accounting/ledger-transitions.ts';
import { type Ledger, copyLedger } from '../../accounting/ledger.ts';

/** What a change says after it was applied to a working copy. */
export interface ChangeResult<T> {
  result: T;
  events?: readonly LedgerEvent[];
  /** It changed nothing because of what the ledger says: only the stored ledger, not a memory of it, may say so. */
  mustBeStored?: boolean;
}

/**
 * A change of a ledger. It may be applied more than once, to different versions, so it must come out the same when the
 * ledger has it already.
 */
export type LedgerChange<T> = (ledger: Ledger) => ChangeResult<T>;

/** A change that waits for its turn, and for the write that makes it durable. */
export interface WaitingChange {
  /** Nobody waits for it: it goes along with the next write. */
  readonly patient: boolean;
  apply(ledger: Ledger): AppliedChange;
  reject(error: unknown): void;
}

/** A change in a working copy that is not stored yet. */
export interface AppliedChange {
  events: readonly LedgerEvent[];
  mustBeStored: boolean;
  accept(): void;
}

/** The change as one that waits, and the promise of its result. */
export function waitingChange<T>(
  change: LedgerChange<T>,
  { patient = false } = {},
): { waiting: WaitingChange; done: Promise<T> } {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const apply = (ledger: Ledger): AppliedChange => {
    const { result, events = [], mustBeStored = false } = change(ledger);
    return { events, mustBeStored, accept: () => resolve(result) };
  };
  return { waiting: { patient, apply, reject }, done: promise };
}

/**
 * Applies the changes in their order to a copy. One that throws is rejected and left out, and the others are applied
 * anew: it may have broken off half way.
 */
export function applyChanges(
  ledger: Ledger,
  changes: readonly WaitingChange[],
): { copy: Ledger; applied: AppliedChange[]; kept: readonly WaitingChange[] } {
  let kept = changes;
  for (;;) {
    const copy = copyLedger(ledger);
    const { applied, failed } = applyUntilFailure(copy, kept);
    if (failed === undefined) return { copy, applied, kept };
    failed.change.reject(failed.error);
    kept = kept.filter((change) => change !== failed.change);
  }
}

function applyUntilFailure(
  copy: Ledger,
  changes: readonly WaitingChange[],
): { applied: AppliedChange[]; failed?: { change: WaitingChange; error: unknown } } {
  const applied: AppliedChange[] = [];
  for (const change of changes) {
    try {
      applied.push(change.apply(copy));
    } catch (error) {
      return { applied, failed: { change, error } };
    }
  }
  return { applied };
}
