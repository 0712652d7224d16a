import { setImmediate as turn } from 'node:timers/promises';
import type { NanoCu } from '../../accounting/amount.ts';
import type { LeaseAnswer, LeaseRequest, TokenRequest } from '../../accounting/messages.ts';
import type { BudgetRef } from '../../operator/configuration/budget-ref.ts';
import type { PageSizes } from '../../operator/ledger/page-choice.ts';
import type { RecallNotice } from '../../operator/ledger/recall-notices.ts';
import type { Call, CallOutcome, StoredChange } from './api-server.ts';
import { ApiServer } from './api-server.ts';
import type { Budget, BudgetPlan, Seen } from './family.ts';
import { familyOf } from './family.ts';
import type { Holder } from './holder.ts';
import { checkAnswer, checkPod, checkStored } from './invariants.ts';
import { Pod, Process } from './pod.ts';
import { Replica } from './replica.ts';
import { type RoundWatch, RoundWatches, keyOfRound, roundKey } from './round-watch.ts';
import { ReachWatch } from './tree-reach.ts';
import { VirtualTime } from './virtual-time.ts';
import { Violation } from './violation.ts';

/** What may happen in a history, and with how many. */
export interface Setup {
  readonly pods: number;
  readonly replicas: number;
  readonly cap: NanoCu;
  /** Budgets below the root, each after the one above it. */
  readonly below?: readonly BudgetPlan[] | undefined;
  /** How long pages of ledgers are; absent: as in production, so that only fleets have some. */
  readonly pageSizes?: PageSizes | undefined;
  /** Which assumptions the history breaks on purpose. */
  readonly breaks: readonly Assumption[];
}

/** A request costs at most its bound; one process spends a lease; evidence is complete; the ledger never goes back. */
export type Assumption = 'A1' | 'A2' | 'A3' | 'A4';

/** Something on its way between a sidecar and an operator; times by the process's monotonic clock. */
export type Parcel = {
  readonly pod: Pod;
  readonly process: Process;
  readonly holder: Holder;
  readonly sentAtMs: number;
} & (
  | { readonly kind: 'lease'; readonly replica: Replica; readonly request: LeaseRequest }
  | { readonly kind: 'answer'; readonly request: LeaseRequest; readonly answer: LeaseAnswer }
  | { readonly kind: 'token'; readonly replica: Replica; readonly request: TokenRequest }
  | { readonly kind: 'newToken'; readonly endsAtMs: number }
);

/** Length of a spending period here: short, so that histories see some of them end. */
const periodMs = 8 * 3_600_000;
const firstPeriodMs = Date.UTC(2026, 10, 1);
/** How long SAP's tokens live. */
const tokenMs = 3_600_000;
/** Pods that are made for those that were deleted. */
const maxReplacements = 20;
/** How long a sidecar waits for an answer. */
const callMs = 5000;
/** Every step takes a moment. */
const stepMs = 7;

/** One budget with everything around it: operators, their API server, pods, the channel between them, and SAP. */
export class World {
  readonly setup: Setup;
  readonly time = new VirtualTime(firstPeriodMs + 1000);
  readonly api = new ApiServer();
  readonly replicas: Replica[];
  /** All there ever were, by the number in their key. */
  readonly pods: Pod[];
  /** Those that are not deleted. */
  readonly present: Pod[];
  readonly channel: Parcel[] = [];
  /** The root, and the budgets below it. */
  readonly family: readonly [Budget, ...Budget[]];
  /** By ledger: the greatest cap there was. */
  readonly greatestCaps = new Map<string, NanoCu>();
  /** Ledgers that went back in time (A4). */
  readonly wentBack = new Set<string>();
  /** Those of them that were deleted, or made in place of one that was. */
  readonly deleted = new Set<string>();
  /** By name: what the deleted ones had of the ledgers above them. */
  readonly lostLeases = new Map<string, NanoCu>();
  readonly #deletedNames = new Set<string>();
  /** By ledger: what was released and taken back later. */
  readonly revoked = new Map<string, NanoCu>();
  /** By key: when a holder was asked in a recall round last. */
  readonly askedAtMs = new Map<string, number>();
  readonly reach = new ReachWatch();
  /** Whether reads of the API server may be old: then also somebody who keeps the rules may be refused. */
  staleReads = false;
  /** Whether a call to the API server has failed: a message may have been booked before it is answered. */
  apiFailed = false;
  /** Pods and ledgers whose charge has to be looked at after this step. */
  readonly dirty = new Map<Pod, Set<string>>();
  readonly answered = new WeakMap<LeaseRequest, LeaseAnswer>();
  /** How often a message has arrived so far. */
  readonly arrivals = new WeakMap<LeaseRequest, number>();
  /** What could be had while recall rounds went on, and since an ask came that waits. */
  readonly watches = new RoundWatches();
  /** By pod and ledger: when an ask was stored with which everything came back that its holder did not use. */
  readonly cameMs = new Map<string, number>();
  readonly asks = new WeakMap<LeaseRequest, RoundWatch>();
  /** When the round truly began that an answer tells of. */
  readonly roundBegins = new WeakMap<LeaseAnswer, number>();
  effective = 0;
  /** How often a leader was elected. */
  terms = 0;
  #processes = 0;
  #ids = 0;
  #failure: Error | undefined;
  /** Tells the story, where somebody listens. */
  tell: ((line: string) => void) | undefined;

  constructor(setup: Setup) {
    this.setup = setup;
    this.family = familyOf(setup.cap, setup.below ?? []);
    const surroundings = {
      api: this.api,
      time: this.time,
      peers: setup.replicas > 1,
      pageSizes: setup.pageSizes,
      notices: {
        recall: (replica: Replica, budget: BudgetRef, round: RecallNotice) =>
          this.#recall(replica, budget, round),
        withdraw: (_: BudgetRef, keys: Iterable<string>) => this.#withdraw(keys),
      },
      ownerOf: (uid: string) => this.api.ownerOf(uid) ?? this.root.ref,
      podIsGone: (key: string) => this.podOf(key)?.gone ?? true,
      onFailure: (error: unknown) => this.fail(error),
    };
    this.replicas = Array.from(
      { length: setup.replicas },
      (_, index) => new Replica(`operator-${index}`, surroundings),
    );
    this.pods = Array.from({ length: setup.pods }, (_, index) => new Pod(index, this.#budgetOf(index)));
    this.present = [...this.pods];
    this.api.onStored = (change) => checkStored(this, change);
  }

  get nowMs(): number {
    return this.time.nowMs;
  }

  get root(): Budget {
    return this.family[0];
  }

  /** The ledger that a budget's status names as its current one. */
  currentOf(budget: Budget): Seen | undefined {
    return budget.status.get(this.period.name);
  }

  /** A ledger is gone: what it knew nobody knows now, also not the one that is made in its place. */
  noteDeleted(name: string, uid: string): void {
    this.#deletedNames.add(name);
    this.wentBack.add(uid);
    this.deleted.add(uid);
  }

  /** Whether a ledger that is made now takes the place of one that was deleted. */
  noteMade({ name, after: { uid } }: StoredChange): void {
    if (this.#deletedNames.has(name)) this.noteDeleted(name, uid);
  }

  podOf(key: string): Pod | undefined {
    return this.pods[Number(key.slice('pod:'.length))];
  }

  /** A pod is deleted, and its owner makes another one, as long as there are not too many. */
  replacePod(pod: Pod): void {
    this.present.splice(this.present.indexOf(pod), 1);
    if (this.pods.length >= this.setup.pods + maxReplacements && this.present.length > 0) return;
    const next = new Pod(this.pods.length, pod.budget);
    this.pods.push(next);
    this.present.push(next);
  }

  say(line: () => string): void {
    this.tell?.(line());
  }

  fail(error: unknown): void {
    this.#failure ??=
      error instanceof Violation
        ? error
        : new Violation('no unexpected error', String(error), { cause: error });
  }

  newId(): string {
    this.#ids += 1;
    return `r${this.#ids}`;
  }
  newProcess(): Process {
    this.#processes += 1;
    return new Process(this.#processes);
  }
  newProcessId(): string {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(16, '0');
  }

  /** What a request that reserved this will cost: within that, unless bounds are broken on purpose. */
  costOf(reserved: NanoCu, number: number): NanoCu {
    if (number % 8 === 0 && this.setup.breaks.includes('A1')) return reserved + 1n + BigInt(number % 50);
    return BigInt(number) % (reserved + 1n);
  }

  /** The period that the API server's clock is in. */
  get period(): { name: string; startMs: number; endMs: number } {
    const index = Math.floor((this.nowMs - firstPeriodMs) / periodMs);
    const startMs = firstPeriodMs + index * periodMs;
    // Months are short here: of each the first hours, under the name of the month.
    const name = new Date(Date.UTC(2026, 10 + index)).toISOString().slice(0, 7);
    return { name, startMs, endMs: startMs + periodMs };
  }

  touch(pod: Pod, ledgerUid: string): void {
    const ledgers = this.dirty.get(pod);
    if (ledgers) ledgers.add(ledgerUid);
    else this.dirty.set(pod, new Set([ledgerUid]));
  }

  /** Brings the answer of one call to the API server to its caller, as far as that one can take it. */
  finish(call: Call, outcome: CallOutcome): void {
    const caller = this.replicas.find(({ life }) => life === call.caller);
    if (caller === undefined) {
      // Whoever called has ended: the server may do it all the same.
      Object.assign(call, { resolve: () => undefined, reject: () => undefined });
    } else if (caller.paused) {
      const { resolve, reject } = call;
      call.resolve = () => void caller.deferred.push(() => resolve());
      call.reject = (error) => void caller.deferred.push(() => reject(error));
    }
    this.api.finish(call, outcome);
  }

  /** Brings a parcel to where it belongs; false: nobody is there to take it now. */
  deliver(parcel: Parcel): boolean {
    if (parcel.kind === 'lease') return this.#deliverLease(parcel);
    if (parcel.kind === 'token') return this.#deliverToken(parcel);
    return this.#deliverToProcess(parcel);
  }

  /** Lets everything run that a step has set in motion, then looks whether the promises still hold. */
  async settle(): Promise<void> {
    await turn();
    this.check();
  }

  /** Whether the promises hold for what has changed since the last look. */
  check(): void {
    if (this.#failure) throw this.#failure;
    for (const [pod, ledgers] of this.dirty) {
      this.watches.look(pod, this.nowMs);
      for (const uid of ledgers) checkPod(this, pod, uid);
    }
    this.dirty.clear();
    if (this.family.length > 1) this.reach.look(this);
  }

  /** Time goes on. True when somebody's timer has run. */
  advance(ms: number): boolean {
    this.time.nowMs += ms;
    this.watches.prune(this.nowMs);
    return this.time.runDue((owner) => this.replicas.every(({ life, paused }) => life !== owner || !paused));
  }

  /** The moment that each step takes. */
  tick(): boolean {
    return this.advance(stepMs);
  }

  #deliverLease({
    pod,
    process,
    holder,
    replica,
    request,
    sentAtMs,
  }: Extract<Parcel, { kind: 'lease' }>): boolean {
    if (!replica.running || pod.gone) return false;
    const { key, name } = pod;
    this.#noteArrival(replica, pod, request);
    replica.lease(request, { key, name }, (answer) => {
      this.say(() => `${replica.name} answers ${key}: ${describe(answer)}`);
      checkAnswer(this, { pod, replica, request, answer });
      this.channel.push({ kind: 'answer', pod, process, holder, request, answer, sentAtMs });
    });
    return true;
  }

  #noteArrival(replica: Replica, pod: Pod, request: LeaseRequest): void {
    const arrival = (this.arrivals.get(request) ?? 0) + 1;
    this.arrivals.set(request, arrival);
    if (request.kind !== 'report') return;
    const { ask, recall } = request;
    if (ask?.least !== undefined) {
      this.asks.set(request, this.watches.begin(this, replica));
      if (this.family.length > 1 && arrival === 1) this.reach.noteArrived(this, pod, ask);
    }
    if (recall !== undefined) this.watches.find(replica, roundKey(pod, recall))?.noteAnswer(pod.key);
  }

  #deliverToken({
    pod,
    process,
    holder,
    replica,
    request,
    sentAtMs,
  }: Extract<Parcel, { kind: 'token' }>): boolean {
    if (!replica.running || pod.gone) return false;
    const endsAtMs = this.nowMs + tokenMs;
    const noted = endsAtMs + replica.smallClockErrorMs;
    replica.token(request, { key: pod.key, endsAtMs: noted }, () =>
      this.channel.push({ kind: 'newToken', pod, process, holder, endsAtMs, sentAtMs }),
    );
    return true;
  }

  #deliverToProcess(parcel: Extract<Parcel, { kind: 'answer' | 'newToken' }>): boolean {
    const { pod, process, holder, sentAtMs } = parcel;
    if (!pod.processes.includes(process) || process.paused) return false;
    if (process.holders.get(holder.ledgerUid) !== holder) return false;
    if (parcel.kind === 'newToken') {
      holder.token = { endsAtMs: parcel.endsAtMs, seemsToEndAtMs: sentAtMs + tokenMs };
      return true;
    }
    return this.#answer(parcel);
  }

  #answer({ pod, process, holder, sentAtMs, request, answer }: Extract<Parcel, { kind: 'answer' }>): boolean {
    if (holder.pending !== request && !holder.takes(answer)) return false;
    const nowMs = process.monotonicMs(this.nowMs);
    // A sidecar gives a call up, and repeats it: what the answer says of a round would be too old to go by.
    if (answer.kind === 'reported' && answer.round && nowMs - sentAtMs > callMs) return false;
    holder.take(answer, { sentAtMs, nowMs });
    holder.roundBeganMs = this.roundBegins.get(answer) ?? holder.roundBeganMs;
    // Such a process ends itself.
    if (holder.phase === 'superseded') pod.processes.splice(pod.processes.indexOf(process), 1);
    this.touch(pod, holder.ledgerUid);
    return true;
  }

  /** Holders are told of a round with their next poll of the configuration. */
  #recall(replica: Replica, budget: BudgetRef, { number, keys }: RecallNotice): void {
    this.watches.ofRound(this, replica, keyOfRound(budget, number)).ask(keys, this.nowMs);
    for (const key of keys) {
      this.askedAtMs.set(key, this.nowMs);
      const process = this.podOf(key)?.process;
      if (process) process.recall = number;
    }
    this.say(() => `round ${number} of ${replica.name} asks ${keys.join(', ')}`);
  }

  #withdraw(keys: Iterable<string>): void {
    for (const key of keys) {
      const process = this.podOf(key)?.process;
      if (process) process.recall = undefined;
    }
  }

  #budgetOf(index: number): Budget {
    return this.family[index % this.family.length] ?? this.root;
  }
}

function describe(answer: LeaseAnswer): string {
  if (answer.kind === 'refused') return answer.reason;
  const { granted, spent, overrun, unknown, returned, lost, released } = answer.row;
  return `overrun ${overrun} unknown ${unknown} ${answer.kind} ${answer.incarnation}.${answer.seq}, granted ${granted}, spent ${spent}, returned ${returned}, lost ${lost}, released ${released}`;
}
