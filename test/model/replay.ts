import type { Lease, LeaseRecord } from '../../accounting/lease.ts';
import { applyRecord, idle, newLease, orphanRecords } from '../../accounting/lease.ts';
import { answerRecord, openRequest, reportRequest, sentRecord } from '../../accounting/lease-messages.ts';
import { releaseApproved } from '../../accounting/ledger-release.ts';
import { expireRows, handleLeaseRequest, noteToken } from '../../accounting/ledger-transitions.ts';
import type { Ledger, LedgerRow } from '../../accounting/ledger.ts';
import { available, changeRow, newLedger, setCap, unused } from '../../accounting/ledger.ts';
import type { LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import type { ModelAnswer, ModelMessage, ModelStep, WalkState } from './walk-state.ts';

/** A lease with what the truth says of the requests in it: what each has cost that was sent. */
interface Copy {
  lease: Lease;
  costs: Map<string, number>;
}

type About<T> = Extract<ModelStep, { about: T }>;

interface Pod {
  processes: (Copy & { up: boolean; opened: boolean })[];
  journal: Copy;
  shelf: Copy;
}

const nowMs = 1_000_000;
const leaseSeconds = 300;
/** When SAP tokens end, in seconds: after everything, unless it is said that one has ended. */
const tokenEnds = 1_000_000_000;
const period = { name: '2026-11', startMs: 0, endMs: 1e15 };

/** Does the steps of a walk through the model with the real ledger and real leases. */
export class Replay {
  readonly ledger: Ledger;
  readonly #pods = new Map<string, Pod>();
  readonly #messages = new Map<string, LeaseRequest>();
  readonly #answers: { h: string; pid: number; answer: LeaseAnswer }[] = [];
  #count = 0;

  constructor(first: WalkState) {
    this.ledger = newLedger({ budget: { namespace: 'n', name: 'b' }, period, cap: BigInt(first.cap) });
    for (const h of Object.keys(first.rows))
      this.#pods.set(h, { processes: [], journal: nothing(), shelf: nothing() });
  }

  /** The pod's processes, in the order in which they began. */
  processesOf(h: string): readonly Readonly<Copy & { up: boolean; opened: boolean }>[] {
    return this.#pod(h).processes;
  }

  /**
   * Does one step.
   *
   * @throws Error when the code will not do what the model did
   */
  do(step: ModelStep): void {
    switch (step.about) {
      case 'nothing':
        return;
      case 'cap':
        return setCap(this.ledger, BigInt(step.cap));
      case 'message':
        return this.#handle(step.message, step.granted);
      case 'answer':
        return this.#take(step);
      case 'report':
        return this.#report(step);
      case 'release':
        return this.#release(step);
      case 'request':
        return this.#request(step);
      case 'process':
        return this.#processStep(step);
      case 'holder':
        return this.#holderStep(step);
      default:
        throw unknownStep(step);
    }
  }

  #processStep({ name, h, pid }: About<'process'>): void {
    const process = this.#process(h, pid);
    switch (name) {
      case 'stop':
        process.up = false;
        return;
      case 'token': {
        const holder = { key: h, incarnation: process.lease.incarnation, expires: tokenEnds };
        return demand(noteToken(this.ledger, holder), 'the token is refused');
      }
      case 'reserve':
        demand(idle(process.lease) >= 1n, 'nothing is idle');
        this.#count += 1;
        return this.#write(h, process, { type: 'reserve', id: `r${this.#count}`, amount: 1n, atMs: nowMs });
      case 'cancel': {
        const id = [...process.lease.reservations.keys()].find((each) => !process.costs.has(each));
        return this.#write(h, process, { type: 'settle', id: required(id, 'an unsent request'), spent: 0n });
      }
      default:
        throw unknownStep(name);
    }
  }

  #holderStep({ name, h }: About<'holder'>): void {
    const pod = this.#pod(h);
    switch (name) {
      case 'start':
        return this.#start(h);
      case 'loseJournal':
        if (pod.shelf.lease.incarnation === 0) pod.shelf = structuredClone(pod.journal);
        pod.journal = nothing();
        return;
      case 'copyJournal':
        pod.shelf = structuredClone(pod.journal);
        return;
      case 'restoreJournal':
        pod.journal = structuredClone(pod.shelf);
        return;
      case 'expire':
        changeRow(this.ledger, this.#row(h), (row) => (row.expires = 0));
        expireRows(this.ledger, nowMs);
        return;
      case 'tokenEnds':
        changeRow(this.ledger, this.#row(h), (row) => (row.tokenExpires = 0));
        return;
      default:
        throw unknownStep(name);
    }
  }

  #start(h: string): void {
    const pod = this.#pod(h);
    const process = { ...structuredClone(pod.journal), up: true, opened: false };
    pod.processes.push(process);
    for (const orphan of orphanRecords(process.lease, nowMs)) this.#write(h, process, orphan);
    const pid = pod.processes.length;
    const names = { ...identity, processId: processId(h, pid) };
    this.#write(h, process, { type: 'opening', ...names });
    const request = openRequest(names, process.lease);
    this.#messages.set(keyOf({ kind: 'open', h, pid }), request);
  }

  /** The model decides how much is granted, of all that would fit; asking for exactly that leaves no choice. */
  #handle(message: ModelMessage, granted: number): void {
    const request = required(this.#messages.get(keyOf(message)), 'the message');
    const x = BigInt(granted);
    const asking = request.kind === 'report' && x > 0n ? { ...request, ask: { need: x, want: x } } : request;
    const context = { key: message.h, name: message.h, nowMs, leaseSeconds, mayGrant: true };
    const { answer } = handleLeaseRequest(this.ledger, asking, context);
    this.#answers.push({ h: message.h, pid: message.kind === 'open' ? message.pid : 0, answer });
  }

  #take({ h, pid, answer: wanted }: About<'answer'>): void {
    const process = this.#process(h, pid);
    const found = this.#answers.find((given) => given.h === h && isThat(given, wanted))?.answer;
    const answer = required(found, 'the answer that is taken');
    if (answer.kind === 'opened') {
      const { incarnation, seq, resumed, row } = answer;
      const names = { ...identity, processId: processId(h, pid) };
      this.#write(h, process, { type: 'opened', ...names, incarnation, seq, resumed, row });
      process.opened = true;
    } else this.#write(h, process, required(answerRecord(process.lease, answer), 'the awaited answer'));
  }

  #report({ h, pid, give }: About<'report'>): void {
    const process = this.#process(h, pid);
    if (give > 0n) this.#write(h, process, { type: 'return', amount: give });
    const record = sentRecord(process.lease);
    this.#write(h, process, record);
    const { incarnation: inc, seq } = process.lease;
    this.#messages.set(keyOf({ kind: 'report', h, inc, seq }), reportRequest(process.lease, record));
  }

  #release({ h, spent }: About<'release'>): void {
    const row = this.#row(h);
    const held = row.lost + row.unknown + unused(row);
    const before = available(this.ledger);
    const outcome = releaseApproved(this.ledger, { key: h, seq: row.seq, held, spent }, nowMs);
    demand(outcome.state === 'released', `the release is refused: ${outcome.state}`);
    demand(available(this.ledger) - before === held - spent, 'another amount came back');
  }

  /** What happens to a request under way, or to one of unknown cost; the model says only what it cost. */
  #request({ name, h, pid, cost }: About<'request'>): void {
    const process = this.#process(h, pid);
    const { lease, costs } = process;
    const ids = [...(name === 'resolve' ? lease.unknowns : lease.reservations).keys()];
    // What was never sent has cost nothing.
    const unsent = name === 'resolve' ? 0 : undefined;
    const wanted = name === 'send' ? undefined : cost;
    const found = ids.find((each) => (costs.get(each) ?? unsent) === wanted);
    const id = required(found, `a request to ${name}`);
    if (name === 'unknown') this.#write(h, process, { type: name, id, reason: 'usage_missing', atMs: nowMs });
    else if (name !== 'send') this.#write(h, process, { type: name, id, spent: BigInt(cost) });
    else {
      costs.set(id, cost);
      this.#keep(h, process);
    }
  }

  #write(h: string, process: Copy, record: LeaseRecord): void {
    applyRecord(process.lease, record);
    this.#keep(h, process);
  }

  #keep(h: string, { lease, costs }: Copy): void {
    this.#pod(h).journal = structuredClone({ lease, costs });
  }

  #pod(h: string): Pod {
    return required(this.#pods.get(h), `pod ${h}`);
  }

  #process(h: string, pid: number) {
    return required(this.#pod(h).processes[pid - 1], `process ${pid} of ${h}`);
  }

  #row(h: string): Readonly<LedgerRow> {
    return required(this.ledger.rows.get(h), `the row of ${h}`);
  }
}

const identity = { budget: 'b', ledgerUid: 'uid' };

/** The random id that a process would have. */
export function processId(h: string, pid: number): string {
  return `${h}${pid}`;
}

function nothing(): Copy {
  return { lease: newLease({ ...identity, processId: '' }), costs: new Map() };
}

function keyOf(message: ModelMessage): string {
  const { h } = message;
  return message.kind === 'open' ? `open ${h} ${message.pid}` : `report ${h} ${message.inc} ${message.seq}`;
}

function isThat({ pid, answer }: { pid: number; answer: LeaseAnswer }, wanted: ModelAnswer): boolean {
  if (answer.kind === 'refused' || answer.kind !== wanted.kind) return false;
  if (
    wanted.kind === 'opened' &&
    (pid !== wanted.pid || (answer.kind === 'opened' && answer.resumed !== wanted.resumed))
  )
    return false;
  const { granted, lost, released } = answer.row;
  const given = [answer.incarnation, answer.seq, Number(granted), Number(lost), Number(released)];
  return String(given) === String([wanted.inc, wanted.seq, wanted.granted, wanted.lost, wanted.released]);
}

function unknownStep(step: never): Error {
  return new Error(`nobody here knows the step ${String(step)}`);
}

function demand(condition: boolean, complaint: string): asserts condition {
  if (!condition) throw new Error(complaint);
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is missing`);
  return value;
}
