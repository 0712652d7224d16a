import type { NanoCu } from '../../accounting/amount.ts';
import { idle } from '../../accounting/lease.ts';
import type { Budget } from './family.ts';
import type { Holder } from './holder.ts';
import { JournalMedium } from './journal-medium.ts';
import { Account } from './truth.ts';

/** A request that was admitted: reserved in the journal, perhaps sent, not over. */
export interface OpenRequest {
  readonly id: string;
  readonly ledgerUid: string;
}

/** A running sidecar. */
export class Process {
  readonly number: number;
  readonly holders = new Map<string, Holder>();
  /** Admitted, not yet sent: between check and send. */
  readonly unsent: OpenRequest[] = [];
  readonly underWay: OpenRequest[] = [];
  /** The ledger that its configuration names. */
  current: string | undefined;
  paused = false;
  /** How long it was stopped by something that stops its monotonic clock as well. */
  suspendedMs = 0;
  suspendedAtMs: number | undefined;
  /** The recall round that it was told of and has not answered. */
  recall: number | undefined;
  /** When it answered one (monotonic): for a while it asks for single requests only. */
  recalledAtMs = Number.NEGATIVE_INFINITY;

  constructor(number: number) {
    this.number = number;
  }

  monotonicMs(nowMs: number): number {
    return nowMs - this.suspendedMs;
  }
}

/** A pod: its processes, what survives them, and what is true of it. */
export class Pod {
  readonly key: string;
  /** The one that it spends from. */
  readonly budget: Budget;
  readonly name: string;
  /** The running process; a second one only where the exclusive port was broken on purpose. */
  processes: Process[] = [];
  readonly media = new Map<string, JournalMedium>();
  readonly accounts = new Map<string, Account>();
  /** Deleted: the API server knows it no more, and nothing of it runs. */
  gone = false;
  wallErrorMs = 0;

  constructor(index: number, budget: Budget) {
    this.key = `pod:${index}`;
    this.budget = budget;
    this.name = `${budget.key}-${index}`;
  }

  /** The process that was started last. */
  get process(): Process | undefined {
    return this.processes.at(-1);
  }

  accountOf(ledgerUid: string): Account {
    return getOrMake(this.accounts, ledgerUid, () => new Account());
  }

  mediumOf(ledgerUid: string): JournalMedium {
    return getOrMake(this.media, ledgerUid, () => new JournalMedium());
  }
}

/** The value of a key, made where there is none. */
function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** What its running process has idle, and may spend at that time, by uid of the ledger. */
export function idleByLedger({ process }: Pod, nowMs: number): Map<string, NanoCu> {
  const found = new Map<string, NanoCu>();
  for (const [uid, holder] of process?.holders ?? []) {
    const amount = process && holder.aliveAt(process.monotonicMs(nowMs)) ? idle(holder.lease) : 0n;
    if (amount > 0n) found.set(uid, amount);
  }
  return found;
}

/** What its running process has idle of the current ledger, if it does not wait itself. */
export function idleOf(pod: Pod, nowMs: number): NanoCu {
  const uid = pod.process?.current ?? '';
  const pending = pod.process?.holders.get(uid)?.pending;
  // Who waits has given back what he had when he asked.
  const waits = pending?.kind === 'report' && pending.ask?.least !== undefined;
  return waits ? 0n : (idleByLedger(pod, nowMs).get(uid) ?? 0n);
}
