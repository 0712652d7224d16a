import type { NanoCu } from './amount.ts';
import {
  answerRecord,
  applyRecord,
  idle,
  newLease,
  openRequest,
  orphanRecords,
  reportRequest,
  sentRecord,
} from './lease.ts';
import type { Lease, LeaseRecord } from './lease.ts';
import { newLedger, setCap, unused } from './ledger.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { expireRows, handleLeaseRequest, releaseHeld } from './ledger-transitions.ts';
import type { LeaseAnswer, LeaseRequest } from './messages.ts';

/** What really happens to a request, whoever knows of it. */
interface TrueRequest {
  reserved: NanoCu;
  cost: NanoCu;
  /** Whether its holder has learned the cost. */
  settled: boolean;
}

/** A running process of a pod. */
interface Process {
  lease: Lease;
  processId: string;
  opened: boolean;
  pending: LeaseRequest | undefined;
  endsAtMs: number;
}

/** A pod: what it keeps, and what the truth says of its requests. */
export interface Pod {
  key: string;
  /** What survives a process: its journal, unless that is lost. */
  journal: LeaseRecord[];
  process: Process | undefined;
  requests: Map<string, TrueRequest>;
  crashes: number;
}

interface Travelling {
  pod: Pod;
  processId: string;
  sentAtMs: number;
}

/** One step of a history; `a` and `b` are whatever numbers it needs. */
export interface Step {
  op: (typeof stepNames)[number];
  pod: number;
  a: number;
  b: number;
}

const period = { name: '2026-11', startMs: 0, endMs: 1e15 };
const leaseSeconds = 300;

/**
 * Some pods with real leases, one real ledger, and between them a channel that loses, doubles and reorders. Knows the
 * truth about every request, which neither side does.
 */
export class LeaseWorld {
  ledger: Ledger = newLedger({ budget: { namespace: 'n', name: 'b' }, period, cap: 1000n });
  readonly pods: Pod[];
  nowMs = 1_000_000;
  #count = 0;
  #messages: (Travelling & { request: LeaseRequest })[] = [];
  #answers: (Travelling & { answer: LeaseAnswer })[] = [];
  /** Refusals that a holder which keeps to the rules must never get. */
  readonly blunders: LeaseAnswer[] = [];
  /** Told of every delivery: the ledger before and after it, and a copy that got the message twice. */
  onDelivery: (delivery: {
    before: Ledger;
    after: Ledger;
    repeated: Ledger;
    answers: LeaseAnswer[];
  }) => void = () => undefined;

  constructor(pods: number) {
    this.pods = Array.from({ length: pods }, (_, index) => ({
      key: `pod:${index}`,
      journal: [],
      process: undefined,
      requests: new Map(),
      crashes: 0,
    }));
  }

  rowOf({ key }: Pod): LedgerRow | undefined {
    return this.ledger.rows.get(key);
  }

  /** Does what the step says, as far as that is possible now. */
  do({ op, pod: index, a, b }: Step): void {
    const pod = this.pods[index % this.pods.length];
    if (pod) steps[op](this, pod, { a, b });
  }

  start(pod: Pod): void {
    if (pod.process) return;
    this.#count += 1;
    const identity = { budget: 'b', ledgerUid: 'uid', processId: this.#count.toString(16).padStart(16, '0') };
    const lease = newLease(identity);
    for (const record of pod.journal) applyRecord(lease, record);
    const process: Process = {
      lease,
      processId: identity.processId,
      opened: false,
      pending: undefined,
      endsAtMs: 0,
    };
    pod.process = process;
    for (const orphan of orphanRecords(lease, this.nowMs)) write(pod, orphan);
    process.pending = openRequest(identity, pod.journal.length > 0 ? lease : undefined);
  }

  crash(pod: Pod, { journalLost }: { journalLost: boolean }): void {
    if (!pod.process) return;
    pod.process = undefined;
    pod.crashes += 1;
    if (journalLost) pod.journal = [];
  }

  report(pod: Pod, ask?: { need: NanoCu; want: NanoCu }): void {
    const { process } = pod;
    if (!process?.opened || process.pending) return;
    const record = sentRecord(process.lease, ask);
    write(pod, record);
    process.pending = reportRequest(process.lease, record);
  }

  send(pod: Pod): void {
    const { process } = pod;
    if (!process?.pending) return;
    const { processId, pending: request } = process;
    this.#messages.push({ pod, processId, request, sentAtMs: this.nowMs });
  }

  /** Brings one of the messages that travel to the ledger; a copy of it may go on travelling. */
  deliver(which: number, { keep }: { keep: boolean }): void {
    const message = pick(this.#messages, which, keep);
    if (!message) return;
    const { pod, request } = message;
    const context = { key: pod.key, name: pod.key, nowMs: this.nowMs, leaseSeconds, mayGrant: true };
    const before = structuredClone(this.ledger);
    const { answer } = handleLeaseRequest(this.ledger, request, context);
    const repeated = structuredClone(this.ledger);
    const again = handleLeaseRequest(repeated, request, context);
    this.onDelivery({ before, after: this.ledger, repeated, answers: [answer, again.answer] });
    this.#answers.push({ ...message, answer });
  }

  answer(which: number, { keep }: { keep: boolean }): void {
    const travelling = pick(this.#answers, which, keep);
    const process = travelling?.pod.process;
    if (!travelling || !process || process.processId !== travelling.processId) return;
    this.#take(travelling, process);
  }

  loseMessages(): void {
    this.#messages = [];
    this.#answers = [];
  }

  #take({ pod, answer, sentAtMs }: Travelling & { answer: LeaseAnswer }, process: Process): void {
    const { lease, pending, processId } = process;
    if (!pending) return;
    if (answer.kind === 'refused') {
      this.blunders.push(answer);
      return;
    }
    if (answer.kind === 'opened') {
      if (pending.kind !== 'open') return;
      const { incarnation, seq, resumed, row } = answer;
      const names = { budget: lease.budget, ledgerUid: lease.ledgerUid, processId };
      write(pod, { type: 'opened', ...names, incarnation, seq, resumed, row });
      process.opened = true;
    } else {
      const record = answerRecord(lease, answer);
      if (!record) return;
      write(pod, record);
    }
    process.pending = undefined;
    process.endsAtMs = sentAtMs + answer.remainingSeconds * 1000;
  }

  reserve(pod: Pod, { amount, cost }: { amount: NanoCu; cost: NanoCu }): void {
    const { process } = pod;
    if (!process?.opened || this.nowMs >= process.endsAtMs || idle(process.lease) < amount) return;
    this.#count += 1;
    const id = `r${this.#count}`;
    write(pod, { type: 'reserve', id, amount, atMs: this.nowMs });
    pod.requests.set(id, { reserved: amount, cost, settled: false });
  }

  /** The cost of a request becomes known. */
  learn(pod: Pod, id: string | undefined, type: 'settle' | 'resolve'): void {
    const request = id === undefined ? undefined : pod.requests.get(id);
    if (id === undefined || !request) return;
    write(pod, { type, id, spent: request.cost });
    request.settled = true;
  }

  /** Everything a dead pod's row holds is replaced by what its requests really cost, if that is within it. */
  releaseTruthfully(pod: Pod): void {
    const row = this.rowOf(pod);
    if (pod.process || row?.state !== 'expired') return;
    const held = row.lost + row.unknown + unused(row);
    const spent = sum([...pod.requests.values()].map(({ cost }) => cost)) - row.spent;
    if (spent >= 0n && spent <= held) releaseHeld(this.ledger, { key: pod.key, held, spent });
  }

  /** Lets everybody finish: each pod has a process, all costs that can be known are, and the rest is returned. */
  finish(): void {
    this.loseMessages();
    for (const pod of this.pods) {
      this.start(pod);
      this.#exchange(pod);
      const { lease } = pod.process ?? {};
      const open = lease ? Array.from(lease.reservations.keys()) : [];
      for (const id of open) this.learn(pod, id, 'settle');
      if (lease) write(pod, { type: 'return', amount: idle(lease) });
      this.report(pod);
      this.#exchange(pod);
    }
  }

  /** Sends what is pending until nothing is: an exchange without faults. */
  #exchange(pod: Pod): void {
    this.send(pod);
    this.deliver(0, { keep: false });
    this.answer(0, { keep: false });
  }
}

type Act = (world: LeaseWorld, pod: Pod, numbers: { a: number; b: number }) => void;

const steps = {
  start: (world, pod) => world.start(pod),
  crash: (world, pod) => world.crash(pod, { journalLost: false }),
  crashAndLoseJournal: (world, pod) => world.crash(pod, { journalLost: true }),
  report: (world, pod) => world.report(pod),
  ask: (world, pod, { a, b }) => world.report(pod, { need: BigInt(1 + (a % 300)), want: BigInt(b % 600) }),
  send: (world, pod) => world.send(pod),
  deliver: (world, _pod, { a, b }) => world.deliver(a, { keep: b % 4 === 0 }),
  answer: (world, _pod, { a, b }) => world.answer(a, { keep: b % 4 === 0 }),
  lose: (world, _pod, { a }) => {
    if (a % 4 === 0) world.loseMessages();
  },
  // One in eight costs more than it reserved.
  reserve: (world, pod, { a, b }) => {
    const amount = BigInt(1 + (a % 100));
    world.reserve(pod, { amount, cost: b % 8 === 0 ? amount + BigInt(b % 50) : BigInt(b) % (amount + 1n) });
  },
  settle: (world, pod, { a }) => world.learn(pod, nth(pod.process?.lease.reservations, a), 'settle'),
  loseCost: (world, pod, { a }) => {
    const id = nth(pod.process?.lease.reservations, a);
    if (id !== undefined) write(pod, { type: 'unknown', id, reason: 'usage_missing', atMs: world.nowMs });
  },
  resolve: (world, pod, { a }) => world.learn(pod, nth(pod.process?.lease.unknowns, a), 'resolve'),
  giveBack: (_world, pod, { a }) => {
    const free = pod.process?.opened ? idle(pod.process.lease) : 0n;
    if (free > 0n) write(pod, { type: 'return', amount: BigInt(a) % (free + 1n) });
  },
  wait: (world, _pod, { a }) => {
    world.nowMs += a * 1000;
    expireRows(world.ledger, world.nowMs);
  },
  setCap: (world, _pod, { a }) => setCap(world.ledger, BigInt(a * 2)),
  release: (world, pod) => world.releaseTruthfully(pod),
} satisfies Record<string, Act>;

/** What can happen. */
export const stepNames = Object.keys(steps).filter((name): name is keyof typeof steps => name in steps);

/** What a pod's requests cost at most, as far as the holder or the truth can say, without what passed a reservation. */
function boundCost({ requests }: Pod): NanoCu {
  return sum([...requests.values()].map(({ reserved, cost }) => (cost < reserved ? cost : reserved)));
}

/**
 * What a pod's requests cost, and what its running process may still spend: everything idle, and the worst case of
 * all whose cost it does not know. Before its open is answered a process spends nothing, whatever its journal says.
 */
export function commitment(pod: Pod): NanoCu {
  if (!pod.process?.opened) return boundCost(pod);
  const { lease } = pod.process;
  const uncertain = [...pod.requests].filter(([id]) => lease.reservations.has(id) || lease.unknowns.has(id));
  const worst = sum(uncertain.map(([, { reserved, cost }]) => (cost < reserved ? reserved - cost : 0n)));
  return boundCost(pod) + worst + idle(lease);
}

/** The part of its grants that a row is charged with. */
export function charged(row: LedgerRow): NanoCu {
  return row.spent - row.overrun + row.unknown + row.lost + unused(row);
}

function write(pod: Pod, record: LeaseRecord): void {
  if (!pod.process) return;
  pod.journal.push(structuredClone(record));
  applyRecord(pod.process.lease, record);
}

function nth(map: ReadonlyMap<string, unknown> | undefined, which: number): string | undefined {
  const keys = [...(map?.keys() ?? [])];
  return keys[which % Math.max(1, keys.length)];
}

function pick<T>(list: T[], which: number, keep: boolean): T | undefined {
  const index = which % Math.max(1, list.length);
  return keep ? list[index] : list.splice(index, 1)[0];
}

function sum(amounts: readonly NanoCu[]): NanoCu {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
