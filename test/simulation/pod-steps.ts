import { idle } from '../../accounting/lease.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import { type Ask, unknownReason } from '../../accounting/messages.ts';
import type { Move } from '../../sidecar/lease/next-move.ts';
import type { RequestUsage } from '../../accounting/metered-usage.ts';
import { checkBilled } from './invariants.ts';
import type { Holder } from './holder.ts';
import { podLifeSteps } from './pod-life-steps.ts';
import type { PodStep } from './pod-step.ts';
import { awake, holderOf, pick } from './pod-step.ts';
import type { OpenRequest, Pod, Process } from './pod.ts';
import { budget } from './replica.ts';
import { checkRefusal } from './round-check.ts';
import { Waiter } from './waiting.ts';
import type { World } from './world.ts';

/** Requests that wait, by holder: the first in line is what matters. */
const waiters = new WeakMap<Holder, Waiter>();
const contestedMs = 10_000;
const reasons = unknownReason.options.filter((reason) => reason !== 'process_killed');

/** A request arrives: it is admitted from what is idle, or waits. */
const request: PodStep = (world, pod, { a, b, c }) => {
  const process = awake(pod, c);
  if (process?.current === undefined) return false;
  const holder = holderOf(world, { pod, process }, process.current);
  const amount = BigInt(1 + (a % 100));
  const monotonicMs = process.monotonicMs(world.nowMs);
  if (holder.aliveAt(monotonicMs) && holder.last?.overdrawn === 0n && idle(holder.lease) >= amount) {
    reserve(world, { pod, process, holder }, { amount, b });
    return true;
  }
  if (waiters.has(holder)) return false;
  const smallest = b % 4 === 0 ? amount / 4n + 1n : amount;
  waiters.set(holder, new Waiter({ amount, smallest }, { holder, nowMs: monotonicMs, cameMs: world.nowMs }));
  return true;
};

function reserve(
  world: World,
  { pod, process, holder }: { pod: Pod; process: Process; holder: Holder },
  { amount, b }: { amount: bigint; b: number },
): void {
  const id = world.newId();
  holder.write({ type: 'reserve', id, amount, atMs: wallOf(world, pod) });
  const cost = world.costOf(amount, b);
  holder.account.requests.set(id, { reserved: amount, cost, sent: false, learned: false });
  process.unsent.push({ id, ledgerUid: holder.ledgerUid });
  world.touch(pod, holder.ledgerUid);
  world.say(() => `${pod.key} reserves ${amount} for ${id}, which will cost ${cost}`);
}

function wallOf(world: World, { wallErrorMs }: Pod): number {
  return world.nowMs + wallErrorMs;
}

/** The request that waits longest takes its next step. */
const think: PodStep = (world, pod, { a, b }) => {
  const process = awake(pod, a);
  const holder = currentOf(process);
  if (!process || !holder) return false;
  const waiter = waiters.get(holder);
  return waiter !== undefined && takeMove(world, { pod, process, holder, waiter }, b);
};

function takeMove(
  world: World,
  { pod, process, holder, waiter }: { pod: Pod; process: Process; holder: Holder; waiter: Waiter },
  b: number,
): boolean {
  const nowMs = process.monotonicMs(world.nowMs);
  const move = waiter.move(nowMs, nowMs - process.recalledAtMs < contestedMs);
  if (move.kind === 'wait') return false;
  if (move.kind === 'ask') return ask(world, { pod, process, holder, waiter }, move);
  waiters.delete(holder);
  if (move.kind === 'reserve') reserve(world, { pod, process, holder }, { amount: move.amount, b });
  else refuse(world, { pod, holder, waiter }, nowMs);
  return true;
}

/** Asks; for a request that waits for a recall round, everything idle goes back with it. */
function ask(
  world: World,
  { pod, process, holder, waiter }: { pod: Pod; process: Process; holder: Holder; waiter: Waiter },
  { need, want, least }: Extract<Move, { kind: 'ask' }>,
): boolean {
  if (holder.phase !== 'open') return holder.open(wallOf(world, pod));
  const waits = least !== undefined;
  if (!waiter.mayAsk(waits, process.monotonicMs(world.nowMs))) waiters.delete(holder);
  if (waits) holder.giveBack(idle(holder.lease));
  world.touch(pod, holder.ledgerUid);
  return report(
    world,
    { pod, holder },
    { ask: need > 0n ? { need, want, ...(waits && { least }) } : undefined },
  );
}

/** For lack of budget, or because the lease has ended meanwhile. */
function refuse(
  world: World,
  { pod, holder, waiter }: { pod: Pod; holder: Holder; waiter: Waiter },
  nowMs: number,
): void {
  world.say(() => `${pod.key} refuses a request of ${waiter.amount}`);
  if (!holder.aliveAt(nowMs)) return;
  checkRefusal({ pod, arrivedMs: waiter.cameMs, roundBeganMs: holder.roundBeganMs });
}

/** The lease of the current ledger. */
function currentOf(process: Process | undefined): Holder | undefined {
  return process?.current === undefined ? undefined : process.holders.get(process.current);
}

function report(
  world: World,
  { pod, holder }: { pod: Pod; holder: Holder },
  what: { ask?: Ask | undefined; recall?: number | undefined } = {},
): boolean {
  if (!holder.report(what)) return false;
  const { spent, returned } = holder.lease;
  const asks = what.ask ? `, asks for ${what.ask.need} to ${what.ask.want}` : '';
  const answers = what.recall === undefined ? '' : `, answers round ${what.recall}`;
  world.say(
    () =>
      `${pod.key} makes report ${holder.lease.seq}: spent ${spent}, returned ${returned}${asks}${answers}`,
  );
  return true;
}

/** A report because it is time for one, opening the lease where it is not open; also of a former period. */
const renew: PodStep = (world, pod, { a, b }) => {
  const process = awake(pod, b);
  const holder = process && pick([...process.holders.values()], a);
  if (!holder) return false;
  if (holder.phase === 'ledger_unknown') holder.phase = 'reopening';
  if (holder.open(wallOf(world, pod))) {
    world.say(() => `${pod.key} makes an open message for ${holder.ledgerUid}`);
    return true;
  }
  return report(world, { pod, holder });
};

/** Background ask: for what many requests need. */
const askAhead: PodStep = (world, pod, { a, b, c }) => {
  const process = awake(pod, c);
  const holder = currentOf(process);
  if (!holder) return false;
  if (holder.open(wallOf(world, pod))) return true;
  return report(world, { pod, holder }, { ask: { need: BigInt(1 + (a % 300)), want: BigInt(b % 600) } });
};

/** What is pending goes on its way, or once more. */
const transmit: PodStep = (world, pod, { a, b, c }) => {
  const process = awake(pod, c);
  const pending = process ? [...process.holders.values()].filter(({ pending: waits }) => waits) : [];
  const holder = pick(pending, a);
  const replica = pick(world.replicas, b);
  if (!process || !holder?.pending || !replica || world.channel.length > 200) return false;
  const sentAtMs = process.monotonicMs(world.nowMs);
  world.channel.push({ kind: 'lease', pod, process, holder, replica, request: holder.pending, sentAtMs });
  world.say(() => `${pod.key} sends its ${holder.pending?.kind} to ${replica.name}`);
  return true;
};

const fetchToken: PodStep = (world, pod, { b, c }) => {
  const process = awake(pod, c);
  const holder = currentOf(process);
  return process !== undefined && askForToken(world, { pod, process, holder }, b);
};

function askForToken(
  world: World,
  { pod, process, holder }: { pod: Pod; process: Process; holder: Holder | undefined },
  b: number,
): boolean {
  const replica = pick(world.replicas, b);
  if (!holder || holder.lease.incarnation === 0 || !replica || world.channel.length > 200) return false;
  const { incarnation } = holder.lease;
  const sentAtMs = process.monotonicMs(world.nowMs);
  const message = {
    schema: schemaVersion,
    budget: budget.name,
    ledgerUid: holder.ledgerUid,
    incarnation,
  } as const;
  world.channel.push({ kind: 'token', pod, process, holder, replica, request: message, sentAtMs });
  return true;
}

/** The first byte of an admitted request leaves: SAP accepts it if its token lives. */
const sendToSap: PodStep = (world, pod, { a, c }) => {
  const process = awake(pod, c);
  const open = process?.unsent[0];
  if (!process || !open) return false;
  const holder = process.holders.get(open.ledgerUid);
  const token = holder?.token;
  if (!holder || !token || token.seemsToEndAtMs <= process.monotonicMs(world.nowMs))
    return askForToken(world, { pod, process, holder }, a);
  process.unsent.shift();
  const account = pod.accountOf(open.ledgerUid);
  const sent = account.requests.get(open.id);
  if (!sent) return false;
  if (token.endsAtMs <= world.nowMs) {
    // 401: no inference took place.
    holder.token = undefined;
    account.learn(sent, { withUsage: false });
    holder.write({ type: 'settle', id: open.id, spent: 0n });
    world.say(() => `SAP refuses ${open.id} of ${pod.key}: its token has ended`);
    return true;
  }
  account.send(sent);
  process.underWay.push(open);
  world.touch(pod, open.ledgerUid);
  world.say(() => `${pod.key} sends ${open.id} to SAP, which bills ${sent.cost}`);
  checkBilled(world, open.ledgerUid);
  return true;
};

/** The answer has ended, with usage. */
const settle: PodStep = (world, pod, { a, b, c }) => {
  const process = awake(pod, c);
  const ended = process && takeOne(process.underWay, a);
  if (!process || !ended) return false;
  learn(world, { pod, process, ended, type: 'settle' }, b);
  return true;
};

/** The answer has ended, and nobody knows (yet) what it cost. */
const loseCost: PodStep = (world, pod, { a, b, c }) => {
  const process = awake(pod, c);
  const ended = process && takeOne(process.underWay, a);
  const holder = ended && process.holders.get(ended.ledgerUid);
  if (!ended || !holder?.lease.reservations.has(ended.id)) return false;
  const reason = pick(reasons, b) ?? 'usage_missing';
  holder.write({ type: 'unknown', id: ended.id, reason, atMs: wallOf(world, pod) });
  holder.changed = true;
  world.touch(pod, ended.ledgerUid);
  world.say(() => `${pod.key} cannot know what ${ended.id} cost: ${reason}`);
  return true;
};

/** An unknown cost becomes known. */
const resolve: PodStep = (world, pod, { a, b, c }) => {
  const process = awake(pod, c);
  const holder = process && pick([...process.holders.values()], b);
  const id = holder && pick([...holder.lease.unknowns.keys()], a);
  if (!holder || id === undefined) return false;
  learn(world, { pod, process, ended: { id, ledgerUid: holder.ledgerUid }, type: 'resolve' }, b);
  return true;
};

function learn(
  world: World,
  {
    pod,
    process,
    ended,
    type,
  }: { pod: Pod; process: Process; ended: OpenRequest; type: 'settle' | 'resolve' },
  b: number,
): void {
  const holder = process.holders.get(ended.ledgerUid);
  const known = holder?.account.requests.get(ended.id);
  if (!holder || !known) return;
  const { reservations, unknowns } = holder.lease;
  // A second process that shares the journal may have ended it already.
  if (!(type === 'settle' ? reservations : unknowns).has(ended.id)) return;
  const spent = known.sent ? known.cost : 0n;
  const withUsage = type === 'settle' && b % 2 === 0;
  const usage = withUsage ? { usage: usageOf(pod, b) } : {};
  holder.write(type === 'settle' ? { type, id: ended.id, spent, ...usage } : { type, id: ended.id, spent });
  holder.account.learn(known, { withUsage });
  holder.changed = true;
  world.touch(pod, ended.ledgerUid);
  world.say(() => `${pod.key} learns that ${ended.id} cost ${spent}`);
}

/** Each pod calls a model of its own here, so that its usage can be told from that of others. */
function usageOf({ key }: Pod, b: number): RequestUsage {
  const version = b % 3 === 0 ? 'small' : 'large';
  return { model: key, version, input: 10, cacheRead: 0, output: b % 50 };
}

function takeOne(list: OpenRequest[], which: number): OpenRequest | undefined {
  return list.splice(which % Math.max(1, list.length), 1)[0];
}

const giveBack: PodStep = (world, pod, { a, b, c }) => {
  const process = awake(pod, c);
  const holder = process && pick([...process.holders.values()], b);
  if (!holder) return false;
  const free = idle(holder.lease);
  if (!holder.giveBack(a % 3 === 0 ? free : BigInt(a) % (free + 1n))) return false;
  world.touch(pod, holder.ledgerUid);
  world.say(() => `${pod.key} will return ${holder.lease.returned} in all`);
  return true;
};

/** A recall round is heeded: everything idle goes back, in a report that answers it. */
const heedRecall: PodStep = (world, pod) => {
  const process = awake(pod);
  const holder = currentOf(process);
  if (process?.recall === undefined || holder?.phase !== 'open' || holder.pending) return false;
  const { recall } = process;
  process.recall = undefined;
  process.recalledAtMs = process.monotonicMs(world.nowMs);
  holder.giveBack(idle(holder.lease));
  world.touch(pod, holder.ledgerUid);
  return report(world, { pod, holder }, { recall });
};

/** A lease of a period that is over is wound up: returned, told, and forgotten. */
const windUp: PodStep = (world, pod, { a }) => {
  const process = awake(pod);
  const retiring = process ? [...process.holders.values()].filter((holder) => holder.retiring) : [];
  const holder = pick(retiring, a);
  if (!process || !holder) return false;
  if (holder.phase !== 'open' || holder.pending || holder.lease.reservations.size > 0) return false;
  holder.giveBack(idle(holder.lease));
  if (holder.changed || holder.lease.inFlight) return report(world, { pod, holder });
  process.holders.delete(holder.ledgerUid);
  holder.medium.clear();
  world.say(() => `${pod.key} has told all of ${holder.ledgerUid}`);
  return true;
};

/** Everything that can happen to a pod, by name. */
export const podSteps = {
  ...podLifeSteps,
  request,
  think,
  renew,
  askAhead,
  transmit,
  fetchToken,
  sendToSap,
  settle,
  loseCost,
  resolve,
  giveBack,
  heedRecall,
  windUp,
} satisfies Record<string, PodStep>;
