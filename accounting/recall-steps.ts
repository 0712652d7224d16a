import type { NanoCu } from './amount.ts';
import { type Ledger, available, isOvercommitted, unused } from './ledger.ts';
import { availableTo } from './parent-lease.ts';
import { isPending, nextNumber, patienceWith, roundCountsMs } from './recall.ts';
import type { Recall, Round, RoundFacts, Waiter } from './recall.ts';

/** What is to be done now. */
export interface RecallSteps {
  /** Holders to tell the number of the round. */
  notify: readonly string[];
  /** To be granted what they need, in this order; `served` is told what came of it. */
  serve: readonly Waiter[];
  /** Have had their round; they wait no longer. */
  refused: readonly { waiter: Waiter; round: RoundFacts }[];
  /** When to look again at the latest; undefined: when something has happened. */
  wakeAtMs: number | undefined;
}

/** Fewest holders asked at once. */
const smallestBatch = 8;
/** Key of a holder to whom nothing is promised. */
const anyHolder = '';
/** Least time between rounds that nobody waits for, while more is out than the cap allows. */
const unpromptedEveryMs = 2000;

/** Decides what is to be done. To be called whenever something has happened, and at `wakeAtMs`. */
export function nextSteps(recall: Recall, ledger: Ledger, nowMs: number): RecallSteps {
  const serve = startServing(recall, ledger);
  const steps = stepsAfter(recall, ledger, { serve, nowMs });
  recall.newcomers.clear();
  return steps;
}

function stepsAfter(
  recall: Recall,
  ledger: Ledger,
  { serve, nowMs }: { serve: readonly Waiter[]; nowMs: number },
): RecallSteps {
  const short = shortage(recall, ledger);
  // A clock that was set back must not keep a round alive for as long.
  if (short <= 0n || (recall.round && nowMs < recall.round.beganMs)) recall.round = undefined;
  if (short <= 0n) recall.allWanted = false;
  if (short <= 0n) return { ...nothing, serve };
  const round = recall.round ?? begin(recall, ledger, nowMs);
  if (round === undefined) return { ...nothing, serve, wakeAtMs: unpromptedAt(recall, ledger) };
  noteSilence(recall, round, nowMs);
  const notify = askMore(recall, ledger, { round, short, nowMs });
  if (recall.serving.size > 0 || [...round.asked.values()].some(isPending))
    return { notify, serve, refused: [], wakeAtMs: nextDeadline(round) };
  return end(recall, ledger, { round, nowMs });
}

const nothing: RecallSteps = { notify: [], serve: [], refused: [], wakeAtMs: undefined };

/** Those who can be served without overtaking anybody; none while others are. */
function startServing({ waiters, serving }: Recall, ledger: Ledger): Waiter[] {
  if (serving.size > 0) return [];
  let taken = 0n;
  const first = waiters.findIndex(({ key, need }) => (taken += need) > availableTo(ledger, key));
  const serve = first < 0 ? [...waiters] : waiters.slice(0, first);
  for (const { key } of serve) serving.add(key);
  return serve;
}

/** What is missing to serve all who wait in their order, or passes the cap. */
function shortage({ waiters, allWanted }: Recall, ledger: Ledger): NanoCu {
  let taken = 0n;
  let most = isOvercommitted(ledger) ? -available(ledger) : 0n;
  if (allWanted && ledger.totals.outstanding > most) most = ledger.totals.outstanding;
  for (const { key, need } of waiters) {
    taken += need;
    const lacks = taken - availableTo(ledger, key);
    if (lacks > most) most = lacks;
  }
  return most;
}

/** A round begins for those who wait, or because more is out than the cap allows. */
function begin(recall: Recall, ledger: Ledger, nowMs: number): Round | undefined {
  const prompted = recall.allWanted || recall.waiters.length > recall.serving.size;
  if (!prompted && nowMs < (unpromptedAt(recall, ledger) ?? Number.POSITIVE_INFINITY)) return undefined;
  const number = nextNumber(recall, nowMs);
  recall.unpromptedMs = nowMs + unpromptedEveryMs;
  const came = new Set(recall.newcomers);
  recall.round = { number, beganMs: nowMs, asked: new Map(), came, batch: 0, returned: 0n };
  return recall.round;
}

/** When a round without waiters may begin; undefined while nothing could come of it. */
function unpromptedAt({ unpromptedMs }: Recall, ledger: Ledger): number | undefined {
  return isOvercommitted(ledger) && ledger.totals.outstanding > 0n ? unpromptedMs : undefined;
}

function noteSilence(recall: Recall, round: Round, nowMs: number): void {
  for (const [key, asked] of round.asked) {
    if (asked.state !== 'asked' || nowMs < asked.untilMs) continue;
    round.asked.set(key, { state: 'silent' });
    recall.silent.add(key);
  }
}

/**
 * Asks more holders when those who still have to answer hold too little: at first as many as hold twice what is missing,
 * then twice as many each time. Those who were silent the last time are asked beside the first, and not counted on. Who has
 * waited since before the round is asked, too: something may have become idle there.
 */
function askMore(
  recall: Recall,
  ledger: Ledger,
  { round, short, nowMs }: { round: Round; short: NanoCu; nowMs: number },
): string[] {
  if (awaited(recall, ledger, round) >= short) return [];
  const { asked, came } = round;
  const holders = [...ledger.rows.values()]
    .filter(({ key, state }) => state === 'open' && !asked.has(key) && !came.has(key))
    .filter(({ key }) => !recall.serving.has(key))
    .map((row) => ({ key: row.key, amount: unused(row) }))
    .filter(({ amount }) => amount > 0n)
    .sort((a, b) => compare(b.amount, a.amount));
  const reliable = holders.filter(({ key }) => !recall.silent.has(key));
  round.batch = round.batch === 0 ? firstBatch(reliable, short) : round.batch * 2;
  const doubtful = holders.filter(({ key }) => recall.silent.has(key));
  const keys = [...reliable.slice(0, round.batch), ...doubtful].map(({ key }) => key);
  for (const key of keys) round.asked.set(key, { state: 'asked', untilMs: nowMs + patienceWith(key) });
  return keys;
}

/** What those hold who are asked and have not answered. */
function awaited({ silent }: Recall, ledger: Ledger, { asked }: Round): NanoCu {
  let amount = 0n;
  for (const [key, { state }] of asked) {
    const row = ledger.rows.get(key);
    if (row && (state === 'heard' || (state === 'asked' && !silent.has(key)))) amount += unused(row);
  }
  return amount;
}

function firstBatch(holders: readonly { amount: NanoCu }[], short: NanoCu): number {
  let missing = 2n * short;
  const enough = holders.findIndex(({ amount }) => (missing -= amount) <= 0n);
  return Math.max(smallestBatch, enough < 0 ? holders.length : enough + 1);
}

/** All were asked: who can be served is, in order, and the others are refused unless they came long after it began. */
function end(recall: Recall, ledger: Ledger, { round, nowMs }: { round: Round; nowMs: number }): RecallSteps {
  let taken = 0n;
  const serve: Waiter[] = [];
  const others: Waiter[] = [];
  for (const waiter of recall.waiters) {
    const fits = taken + waiter.need <= availableTo(ledger, waiter.key);
    if (fits) taken += waiter.need;
    (fits ? serve : others).push(waiter);
  }
  const facts = factsOf(round);
  const left = availableTo(ledger, anyHolder) - taken;
  recall.last = { ...facts, grantable: left > 0n ? left : 0n };
  recall.round = undefined;
  recall.allWanted = false;
  const refused = others.filter(({ sinceMs }) => sinceMs - round.beganMs <= roundCountsMs);
  recall.waiters = recall.waiters.filter((waiter) => !refused.includes(waiter));
  for (const { key } of serve) recall.serving.add(key);
  const wakeAtMs = refused.length < others.length ? nowMs : unpromptedAt(recall, ledger);
  return { notify: [], serve, refused: refused.map((waiter) => ({ waiter, round: facts })), wakeAtMs };
}

function factsOf({ number, beganMs, asked, came, returned }: Round): RoundFacts {
  const silent = [...asked.values()].filter(({ state }) => state === 'silent').length;
  const heard = new Set([...asked.keys(), ...came]);
  return { number, beganMs, asked: asked.size, silent, returned, heard };
}

function nextDeadline({ asked }: Round): number | undefined {
  const deadlines = [...asked.values()].flatMap((one) => (one.state === 'asked' ? [one.untilMs] : []));
  return deadlines.length === 0 ? undefined : deadlines.reduce((a, b) => Math.min(a, b));
}

function compare(a: NanoCu, b: NanoCu): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
