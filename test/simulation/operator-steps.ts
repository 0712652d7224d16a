import type { LedgerRow } from '../../accounting/ledger.ts';
import { unused } from '../../accounting/ledger.ts';
import { isClosedOut } from '../../accounting/ledger-fold.ts';
import { callOutcomes } from './api-server.ts';
import { pageSteps } from './page-steps.ts';
import type { Pod } from './pod.ts';
import type { Numbers } from './pod-step.ts';
import { pick } from './pod-step.ts';
import type { Replica } from './replica.ts';
import { treeSteps } from './tree-steps.ts';
import type { Parcel, World } from './world.ts';

/** One thing that can happen to an operator, its API server, the channel or the clock; false: it could not happen now. */
type OperatorStep = (world: World, numbers: Numbers) => boolean;

const waits = [1000, 3000, 30_000, 160_000, 320_000, 2_400_000, 4 * 3_600_000];

const startReplica: OperatorStep = (world, { a }) => {
  const replica = pick(world.replicas, a);
  if (!replica || replica.alive) return false;
  replica.start();
  world.say(() => `${replica.name} starts`);
  return true;
};

const kill: OperatorStep = (world, { a }) => {
  const replica = pick(world.replicas, a);
  if (!replica?.alive) return false;
  replica.kill();
  world.say(() => `${replica.name} is killed`);
  return true;
};

const pauseReplica: OperatorStep = (world, { a }) => {
  const replica = pick(world.replicas, a);
  if (!replica?.running) return false;
  replica.paused = true;
  world.say(() => `${replica.name} is stopped`);
  return true;
};

const resumeReplica: OperatorStep = (world, { a }) => {
  const replica = pick(world.replicas, a);
  if (!replica?.paused) return false;
  goOn(replica);
  world.say(() => `${replica.name} goes on`);
  return true;
};

function goOn(replica: Replica): void {
  replica.paused = false;
  for (const deliver of replica.deferred.splice(0)) deliver();
}

const jumpClock: OperatorStep = (world, { a, b }) => {
  const replica = pick(world.replicas, a);
  if (!replica) return false;
  replica.clockErrorMs = b % 3 === 0 ? 0 : (b - 500) * 14_000;
  world.say(() => `the clock of ${replica.name} is wrong by ${replica.clockErrorMs / 1000} s`);
  return true;
};

/** A replica copies the cap it knows of into the current ledger, opening it where it is not. */
const reconcile: OperatorStep = (world, { a, b }) => {
  const replica = pick(world.replicas, a);
  const budget = pick(world.family, b);
  const { period } = world;
  const need = replica?.running ? budget?.needAt(replica, period) : undefined;
  if (!replica || !budget || !need) return false;
  replica.reconcile(need, ({ uid, seq, settled, outstanding, held }) => {
    const known = budget.status.get(period.name);
    const same = known?.uid === uid;
    // Only who leads writes the status, and so says that the ledger is another one now.
    if (known && !same && !replica.leadership.leads()) return;
    const sum = settled + outstanding + held;
    budget.status.set(period.name, { uid, seq: same ? Math.max(seq, known.seq) : seq, sum });
    budget.accepted = false;
    budget.retiredBy.delete(replica);
    world.greatestCaps.set(uid, world.greatestCaps.get(uid) ?? 0n);
  });
  return true;
};

/** A replica is elected; one that led before and is only stopped or cut off may believe for a while that it still does. */
const elect: OperatorStep = (world, { a, b }) => {
  const replica = pick(world.replicas, a);
  if (!replica?.running || replica.term > 0) return false;
  world.terms += 1;
  for (const other of world.replicas) if (b % 4 !== 0 || !other.paused) other.term = 0;
  replica.term = world.terms;
  world.say(() => `${replica.name} is elected`);
  return true;
};

const learnLimit: OperatorStep = (world, { a }) => {
  const replica = pick(world.replicas, a);
  if (!replica) return false;
  return world.family.map((budget) => budget.learn(replica)).includes(true);
};

const setLimit: OperatorStep = (world, { a, b }) => {
  const budget = pick(world.family, b);
  if (!budget) return false;
  budget.limit = (budget.plan.limit * BigInt(a % 20)) / 10n;
  world.say(() => `the limit of ${budget.key} is ${budget.limit} now`);
  return true;
};

const retire: OperatorStep = (world, { a, b }) => {
  const replica = pick(world.replicas, a);
  const budget = pick(world.family, b);
  if (!replica?.running || !budget) return false;
  replica.retire(budget.ref);
  budget.retiredBy.add(replica);
  world.say(() => `${replica.name} finds ${budget.key} deleted`);
  return true;
};

/** The API server does the oldest call, or one of the others. */
const api: OperatorStep = (world, { a }) => {
  const call = a % 4 === 0 ? pick(world.api.calls, a >> 2) : world.api.calls[0];
  if (!call) return false;
  world.finish(call, 'done');
  return true;
};

/** The API server fails a call in one of the ways it can. */
const apiFault: OperatorStep = (world, { a, b }) => {
  const call = pick(world.api.calls, a);
  const outcome = pick(callOutcomes, b);
  if (!call || !outcome) return false;
  if (outcome === 'stale') world.staleReads = true;
  world.apiFailed = true;
  world.say(() => `a ${call.writes ? 'write' : 'read'} of ${call.caller.name}: ${outcome}`);
  world.finish(call, outcome);
  return true;
};

/** The oldest parcel that somebody can take arrives. */
const deliver: OperatorStep = (world) => {
  for (let looked = world.channel.length; looked > 0; looked -= 1) {
    const parcel = world.channel.shift();
    if (!parcel) return false;
    if (world.deliver(parcel)) {
      world.say(() => arrival(parcel));
      return true;
    }
    if (canStillArrive(parcel)) world.channel.push(parcel);
  }
  return false;
};

/** Any parcel arrives, and may do so again. */
const deliverAny: OperatorStep = (world, { a, b }) => {
  const index = a % Math.max(1, world.channel.length);
  const parcel = world.channel[index];
  if (!parcel) return false;
  if (b % 3 !== 0) world.channel.splice(index, 1);
  if (!world.deliver(parcel)) return false;
  world.say(() => `${arrival(parcel)}${b % 3 === 0 ? ', and is still on its way once more' : ''}`);
  return true;
};

const lose: OperatorStep = (world, { a }) => {
  const [lost] = world.channel.splice(a % Math.max(1, world.channel.length), 1);
  if (!lost) return false;
  world.say(() => `lost: ${arrival(lost)}`);
  return true;
};

/** What was sent to somebody who is only stopped waits for him; what nobody waits for is gone. */
function canStillArrive(parcel: Parcel): boolean {
  if (parcel.kind === 'lease' || parcel.kind === 'token') return parcel.replica.alive && !parcel.pod.gone;
  if (!parcel.process.paused || !parcel.pod.processes.includes(parcel.process)) return false;
  return parcel.kind === 'newToken' || parcel.holder.pending === parcel.request;
}

function arrival(parcel: Parcel): string {
  const { pod } = parcel;
  if (parcel.kind === 'newToken') return `a SAP token reaches ${pod.key}`;
  if (parcel.kind === 'token') return `${parcel.replica.name} is asked by ${pod.key} for a SAP token`;
  if (parcel.kind === 'lease') return `${parcel.request.kind} of ${pod.key} reaches ${parcel.replica.name}`;
  const { answer } = parcel;
  if (answer.kind === 'refused') return `${pod.key} learns: ${answer.reason}`;
  const { granted, spent, returned, released, lost } = answer.row;
  return `${pod.key} learns: ${answer.kind}, granted ${granted}, spent ${spent}, returned ${returned}, lost ${lost}, released ${released}`;
}

const wait: OperatorStep = (world, { a }) => {
  const ms = pick(waits, a) ?? 1000;
  world.advance(ms);
  world.say(() => `${ms / 1000} s pass`);
  return true;
};

const waitShort: OperatorStep = (world, { a }) => {
  world.advance(100 + (a % 10) * 100);
  return true;
};

interface Held {
  replica: Replica;
  pod: Pod;
  uid: string;
  row: LedgerRow;
  /** What was really spent of what is held. */
  spent: bigint;
}

/** A silent holder whose row holds something, and what SAP's books say of it. */
function heldOf(world: World, { a, b }: Numbers): Held | undefined {
  const replica = pick(world.replicas, b);
  const version = world.api.latest(pick(world.api.names, b) ?? '');
  const silent = [...(version?.ledger.rows.values() ?? [])].filter(
    (row) => row.state !== 'open' && row.lost + row.unknown + unused(row) > 0n,
  );
  const row = pick(silent, a);
  const pod = row && world.podOf(row.key);
  if (!replica?.running || !version || !row || !pod) return undefined;
  const { uid } = version;
  return { replica, pod, uid, row, spent: pod.accountOf(uid).billed - row.spent };
}

function release(world: World, { replica, pod, uid, row }: Held, spent: bigint): boolean {
  const held = row.lost + row.unknown + unused(row);
  if (spent < 0n || spent > held) return false;
  replica.withAccount(uid, async (account) => {
    const nowMs = world.nowMs + replica.smallClockErrorMs;
    await account.release(
      { key: row.key, seq: row.seq, held, spent },
      { nowMs, leadership: replica.leadership },
    );
  });
  world.say(() => `evidence: ${spent} of the ${held} held for ${pod.key} were spent`);
  return true;
}

/** Complete evidence; the operator releases nothing before its fence. */
const evidence: OperatorStep = (world, numbers) => {
  const found = heldOf(world, numbers);
  return found !== undefined && release(world, found, found.spent);
};

/** A3 broken on purpose: evidence misses a part. */
const wrongEvidence: OperatorStep = (world, numbers) => {
  const found = heldOf(world, numbers);
  if (!found || found.spent <= 0n) return false;
  const missed = 1n + (BigInt(numbers.c) % found.spent);
  found.pod.accountOf(found.uid).wronglyReleased += missed;
  return release(world, found, found.spent - missed);
};

/** Rows of pods that are gone are folded, as far as the ledger lets them. */
const fold: OperatorStep = (world, { a, b }) => {
  const replica = pick(world.replicas, a);
  const version = world.api.latest(pick(world.api.names, b) ?? '');
  if (!replica?.running || !version) return false;
  const nowMs = replica.nowMs;
  const rows = [...version.ledger.rows.values()].filter((row) => isClosedOut(row, nowMs));
  const keys = rows.map(({ key }) => key).filter((key) => world.podOf(key)?.gone);
  if (keys.length === 0) return false;
  replica.withAccount(version.uid, (account) => account.fold(keys, nowMs));
  world.say(() => `${replica.name} folds ${keys.join(', ')}`);
  return true;
};

/** A4 broken on purpose: a ledger comes back from a backup. */
const restoreBackup: OperatorStep = (world, { a, b }) => {
  const name = pick(world.api.names, b);
  const restored = name === undefined ? undefined : world.api.restore(name, 1 + (a % 30));
  if (!restored) return false;
  world.wentBack.add(restored.uid);
  world.say(() => `${name} is restored from a backup, at change ${restored.ledger.seq}`);
  return true;
};

/** A person approves what is there: operators start anew, and the status has seen nothing. */
const approve: OperatorStep = (world) => {
  if (world.wentBack.size === 0) return false;
  for (const replica of world.replicas) {
    replica.kill();
    replica.start();
  }
  for (const { status } of world.family) status.clear();
  world.say(() => 'a person approves the ledgers as they are');
  return true;
};

/** Everything that can happen beside the pods, by name. */
export const operatorSteps = {
  startReplica,
  elect,
  kill,
  pauseReplica,
  resumeReplica,
  jumpClock,
  reconcile,
  learnLimit,
  setLimit,
  retire,
  api,
  apiFault,
  deliver,
  deliverAny,
  lose,
  wait,
  waitShort,
  evidence,
  wrongEvidence,
  fold,
  restoreBackup,
  approve,
  ...treeSteps,
  ...pageSteps,
} satisfies Record<string, OperatorStep>;
